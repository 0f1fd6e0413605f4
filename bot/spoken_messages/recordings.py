"""Turns recordings of any format into words, with the transcriber of the calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from audio.samples import HEARING_RATE, Sound16
from bot.spoken_messages.decoding import PIECE_SECONDS, decode_sound, in_pieces
from bot.voice.transcribe.transcriber import Transcriber, TranscriptionRequest, Urgency


@dataclass(frozen=True, slots=True)
class HeardPiece:
    """The words of one piece of a recording.

    Attributes:
        start: the beginning of the piece in the recording, in seconds.
        end: its end, in seconds.
        text: the words; empty if nothing was said.
        language: Whisper's code for the language, such as "de"; ``None`` if it is not known.
    """

    start: float
    end: float
    text: str
    language: str | None


class Recordings:
    """Decodes and transcribes recordings. Use it only on the event loop.

    Args:
        transcriber: the transcriber of the calls. It may release its memory after a recording, unless a call is on.
        in_call: returns whether a call is on.
        names: the bot's names, which the transcriber should recognise.
    """

    def __init__(self, transcriber: Transcriber, in_call: Callable[[], bool], names: tuple[str, ...]) -> None:
        self._transcriber = transcriber
        self._in_call = in_call
        self._names = names
        self._under_way = 0
        self._decoding = asyncio.Lock()

    async def decode(self, data: bytes, max_seconds: float) -> Sound16:
        """Decode an untrusted file in a thread, one file at a time, because minutes of samples take some memory.

        Raises:
            NotSoundError: the file has no sound, is broken, or takes too long to decode.
            TooLongSoundError: the sound is longer than ``max_seconds``.
        """
        stop = threading.Event()
        try:
            async with self._decoding:
                return await asyncio.to_thread(decode_sound, data, max_seconds, stop)
        finally:
            stop.set()

    async def transcribe(
        self,
        sound: Sound16,
        *,
        longest: int = PIECE_SECONDS,
        language: str | None = None,
        hints: tuple[str, ...] = (),
    ) -> AsyncGenerator[HeardPiece, None]:
        """Transcribe a sound piece by piece. Between two pieces, turns of a call can be transcribed.

        Args:
            longest: the longest piece, in seconds.
            language: Whisper's code for the usual language of the speaker. It is used where the sound is too short to
                detect the language.
            hints: further names and terms that are likely to be said.

        Raises:
            TranscriptionError: a piece could not be transcribed.
        """
        self._under_way += 1
        try:
            at = 0
            for piece in in_pieces(sound, longest):
                request = TranscriptionRequest(piece, Urgency.FINAL, (*self._names, *hints), language)
                heard = await self._transcriber.transcribe(request)
                start, at = at, at + len(piece)
                yield HeardPiece(start / HEARING_RATE, at / HEARING_RATE, heard.text.strip(), heard.language)
        finally:
            self._under_way -= 1
            if not self._under_way and not self._in_call():
                await self._transcriber.rest()
