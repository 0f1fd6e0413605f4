"""Transcription of sound files of any usual format, with the transcriber of the calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise

from audio.g711 import Law
from audio.samples import HEARING_RATE, Sound16
from bot.metering import NOBODY, Account
from bot.spoken_messages.decoding import PIECE_SECONDS, decode_sound, decode_telephone_sound, in_pieces
from bot.voice.transcribe.transcriber import TimedWord, Transcriber, TranscriptionRequest, Urgency


@dataclass(frozen=True, slots=True)
class TranscribedPiece:
    """The words of one piece of a sound file.

    Attributes:
        start: the beginning of the piece in the file, in seconds.
        end: the end of the piece in the file, in seconds.
        text: the words; empty if nothing was said.
        language: Whisper's code for the language, such as "de"; ``None`` if it is not known.
        words: the words with their times in the file, if they were asked for.
    """

    start: float
    end: float
    text: str
    language: str | None
    words: tuple[TimedWord, ...] = ()


class FileTranscriber:
    """Decodes and transcribes sound files. Use it only on the event loop.

    Args:
        transcriber: the transcriber of the calls. It may release its memory after a file, unless a call is on.
        in_call: returns whether a call is on.
        names: the bot's names, which the transcriber should recognise.
    """

    def __init__(self, transcriber: Transcriber, in_call: Callable[[], bool], names: tuple[str, ...]) -> None:
        self._transcriber = transcriber
        self._in_call = in_call
        self._names = names
        self._under_way = 0
        self._decoding = asyncio.Lock()

    async def decode(self, data: bytes, max_seconds: float, law: Law | None = None) -> Sound16:
        """Decode an untrusted file in a thread, one file at a time, because minutes of samples take some memory.

        Args:
            law: if given, the data is no file, but raw G.711 with this law, mono at 8,000 Hz.

        Raises:
            NotSoundError: the file has no sound, is broken, or takes too long to decode.
            TooLongSoundError: the sound is longer than ``max_seconds``.
        """
        stop = threading.Event()
        try:
            async with self._decoding:
                if law is not None:
                    return await asyncio.to_thread(decode_telephone_sound, data, law, max_seconds)
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
        word_times: bool = False,
        account: Account = NOBODY,
    ) -> AsyncGenerator[TranscribedPiece, None]:
        """Transcribe a sound piece by piece. Between two pieces, turns of a call can be transcribed.

        Args:
            longest: the longest piece, in seconds.
            language: Whisper's code for the usual language of the speaker. It is used where the sound is too short to
                detect the language.
            hints: further names and terms that are likely to be said.
            word_times: whether the time of each word is wanted; see :func:`timed`.
            account: the place and the person who asks.

        Raises:
            TranscriptionError: a piece could not be transcribed.
        """
        self._under_way += 1
        try:
            at = 0
            for piece in in_pieces(sound, longest):
                request = TranscriptionRequest(
                    piece, Urgency.FINAL, (*self._names, *hints), language, word_times, account
                )
                heard = await self._transcriber.transcribe(request)
                start, at = at / HEARING_RATE, at + len(piece)
                text, seconds = heard.text.strip(), len(piece) / HEARING_RATE
                words = timed(text, heard.words, seconds) if word_times else ()
                moved = tuple(TimedWord(each.text, start + each.start, start + each.end) for each in words)
                yield TranscribedPiece(start, at / HEARING_RATE, text, heard.language, moved)
        finally:
            self._under_way -= 1
            if not self._under_way and not self._in_call():
                await self._transcriber.release_memory()


def timed(text: str, measured: tuple[TimedWord, ...], seconds: float) -> tuple[TimedWord, ...]:
    """The words of a text with their times.

    The times are estimates if no words were measured, or if the text has another number of words, because some were
    corrected or left out. In these cases, the words share the time by their numbers of letters.

    Args:
        measured: the words as they were recognised.
        seconds: the length of the sound. No time is beyond it.
    """
    words = text.split()
    inside = [TimedWord(each.text, min(each.start, seconds), min(each.end, seconds)) for each in measured]
    if "".join(each.text for each in inside) == "".join(words):
        # In a language without spaces, the whole text would be one word, but the recogniser has divided it.
        return tuple(inside)
    if len(inside) == len(words):
        return tuple(TimedWord(word, each.start, each.end) for word, each in zip(words, inside, strict=True))
    start, end = (inside[0].start, inside[-1].end) if inside else (0.0, seconds)
    letters = [0, *accumulate(map(len, words))]
    times = [start + (end - start) * count / max(1, letters[-1]) for count in letters]
    return tuple(TimedWord(word, *span) for word, span in zip(words, pairwise(times), strict=True))
