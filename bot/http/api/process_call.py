"""``POST /process_call``: a recording in, the persona's spoken answer out, which streams while it is made."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from secrets import token_hex
from typing import Any
from urllib.parse import quote

import numpy as np
import soxr
from aiohttp import hdrs, web

from audio.encoders import WavEncoder
from audio.samples import SPEAKING_RATE, Samples
from bot.api.chats import MAX_ID, Chat, Chats
from bot.api.spoken_answer import spoken, voice
from bot.http.api.admission import Admission
from bot.http.api.chat import CONVERSATION, open_chat
from bot.http.api.fields import optional_text
from bot.http.api.hearing import FILES
from bot.http.api.streams import send_stream
from bot.http.api.telephone_sound import KINDS, law_of
from bot.http.api.uploads import Form, read_form
from bot.http.errors import HttpError
from bot.llm.cleaning import DiscordNames, clean_prompt
from bot.metering import Account
from bot.spoken_messages.file_transcriber import FileTranscriber
from bot.voice.ports import SpeechClient
from wire.parameters import SpeechParameters

TRANSCRIPTION = "X-Transcription"
"""The header with the words of the recording, percent-encoded, since headers have no UTF-8."""
NOTHING_SAID = "I heard no words in the recording."
MAX_SECONDS = 180.0
"""Longest recording, in seconds."""
MAX_HEADER = 4_000
"""Largest number of characters of the header with the words. Longer ones are cut: many programs refuse such headers."""
WAV_RATE = 24_000
"""Sample rate of the answer, in Hz."""
MIXED = "multipart/mixed"
_SILENCE = 0.25
"""Seconds of silence for an answer without a speakable word. Players refuse files without sound."""


@dataclass(slots=True)
class _Turn:
    """What was heard, and the answer so far. ``whole`` says whether the answer is complete."""

    chat: Chat
    words: str
    language: str | None
    reply: list[str] = field(default_factory=list)
    whole: bool = False


class ProcessCallApi:
    """The endpoint.

    Args:
        file_transcriber: transcribes sound files.
        chats: the conversations.
        make_voice: makes a connection to the speech server.
        manner: returns the voice and the manner of speaking that were chosen for the page.
        admission: admits requests to the engines.
        account: the account to which the transcription is charged.
    """

    def __init__(
        self,
        file_transcriber: FileTranscriber,
        chats: Chats,
        make_voice: Callable[[], SpeechClient],
        manner: Callable[[], SpeechParameters],
        admission: Admission,
        account: Account,
    ) -> None:
        self._file_transcriber = file_transcriber
        self._chats = chats
        self._make_voice = make_voice
        self._manner = manner
        self._admission = admission
        self._account = account

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """``POST /process_call``: a WAV file, or with ``Accept: multipart/mixed`` the texts and the WAV file."""
        async with self._admission.admit(request):
            form = await read_form(request, FILES, KINDS)
            async with self._admission.engines(), voice(self._make_voice) as speech:
                turn = await self._hear(form)
                headers = {TRANSCRIPTION: _encoded(turn.words), CONVERSATION: turn.chat.id}
                manner = replace(self._manner(), conversation_language=turn.language)
                sound = _wav(spoken(speech, self._text(turn), manner))
                if MIXED not in request.headers.get(hdrs.ACCEPT, "").lower():
                    return await send_stream(request, {**headers, hdrs.CONTENT_TYPE: WavEncoder.content_type}, sound)
                boundary = token_hex(16)
                kind = f'{MIXED}; boundary="{boundary}"'
                return await send_stream(request, {**headers, hdrs.CONTENT_TYPE: kind}, _parts(turn, sound, boundary))

    async def _hear(self, form: Form) -> _Turn:
        law = law_of(form)
        chat = open_chat(self._chats, optional_text(form.fields, "conversation", MAX_ID))
        sound = await self._file_transcriber.decode(form.file, MAX_SECONDS, law)
        async with aclosing(self._file_transcriber.transcribe(sound, account=self._account)) as pieces:
            heard = [piece async for piece in pieces]
        words = clean_prompt(" ".join(piece.text for piece in heard), DiscordNames())
        if not words:
            raise HttpError(400, "nothing_said", NOTHING_SAID)
        return _Turn(chat, words, next((piece.language for piece in heard if piece.language), None))

    async def _text(self, turn: _Turn) -> AsyncGenerator[str, None]:
        async with aclosing(self._chats.answer(turn.chat, turn.words, spoken=True)) as pieces:
            async for piece in pieces:
                turn.reply.append(piece)
                yield piece
        turn.whole = True


async def _wav(sound: AsyncGenerator[Samples, None]) -> AsyncGenerator[bytes, None]:
    """A WAV file of the sound, piece by piece."""
    encoder, resampler = WavEncoder(WAV_RATE), soxr.ResampleStream(SPEAKING_RATE, WAV_RATE, 1)
    empty = True
    async with aclosing(sound):
        async for samples in sound:
            if data := encoder.encode(resampler.resample_chunk(samples)):
                yield data
            empty = False
    rest = np.zeros(int(_SILENCE * SPEAKING_RATE) if empty else 0, np.float32)
    yield encoder.encode(resampler.resample_chunk(rest, last=True)) + encoder.finish()


async def _parts(turn: _Turn, wav: AsyncGenerator[bytes, None], boundary: str) -> AsyncGenerator[bytes, None]:
    """The words, the answer's text and its sound, as parts. The sound is held back until the text is complete."""
    words = {"transcription": turn.words, "language": turn.language, "conversation": turn.chat.id}
    waiting, told, begun = bytearray(), False, False
    async with aclosing(wav):
        async for data in wav:
            if not told:
                yield _json_part(words, boundary)
                told = True
            waiting += data
            if turn.whole:
                if not begun:
                    yield _json_part({"reply": "".join(turn.reply).strip()}, boundary) + _part("audio/wav", boundary)
                    begun = True
                yield bytes(waiting)
                waiting.clear()
    yield f"\r\n--{boundary}--\r\n".encode()


def _json_part(fields: Mapping[str, Any], boundary: str) -> bytes:
    return _part("application/json", boundary) + json.dumps(fields).encode()


def _part(kind: str, boundary: str) -> bytes:
    """The beginning of a part. The line break before it belongs to the boundary."""
    return f"\r\n--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode()


def _encoded(words: str) -> str:
    """The words for a header, as many as fit."""
    letters: list[str] = []
    size = 0
    for letter in map(quote, words):
        size += len(letter)
        if size > MAX_HEADER:
            break
        letters.append(letter)
    return "".join(letters)
