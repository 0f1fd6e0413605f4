"""``POST /stt`` and OpenAI's ``POST /v1/audio/transcriptions``: turn a recording into words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing

from aiohttp import web

from audio.samples import HEARING_RATE, Sound16
from bot.http.api.admission import ENGINE_ERRORS, Admission, as_http_error
from bot.http.api.streams import EVENTS, error_event, event, send_stream
from bot.http.api.telephone_sound import KINDS, law_of
from bot.http.api.transcripts import FORMATS, GRANULARITIES, WITH_TIMES, FileTranscript
from bot.http.api.uploads import Form, read_form
from bot.http.errors import HttpError
from bot.metering import Account
from bot.spoken_messages.decoding import PIECE_SECONDS
from bot.spoken_messages.file_transcriber import FileTranscriber, TranscribedPiece
from languages.names import language_code

FILES = ("audio", "file")
"""The names that the recording may have in a form: ``audio``, or ``file`` as in OpenAI's API."""
GRANULARITY_FIELDS = ("timestamp_granularities[]", "timestamp_granularities")
MAX_SECONDS = 600.0
"""Longest recording, in seconds."""
SEGMENT_SECONDS = 10
"""Longest segment of a transcript that has times or is streamed, in seconds."""
MAX_PROMPT = 500
"""Largest number of characters of ``prompt``, which names words that are likely to be said."""


class HearingApi:
    """The endpoints. What is heard is not stored.

    Args:
        file_transcriber: transcribes sound files.
        admission: admits requests to the engines.
        account: the account to which transcriptions are charged.
    """

    def __init__(self, file_transcriber: FileTranscriber, admission: Admission, account: Account) -> None:
        self._file_transcriber = file_transcriber
        self._admission = admission
        self._account = account

    async def hear(self, request: web.Request) -> web.StreamResponse:
        """``POST /stt``: words, language and segments."""
        async with self._admission.admit(request):
            form = await read_form(request, FILES, KINDS)
            async with self._admission.engines():
                return web.json_response((await self._transcript(form, SEGMENT_SECONDS)).stt_fields())

    async def transcribe(self, request: web.Request) -> web.StreamResponse:
        """``POST /v1/audio/transcriptions``: one of OpenAI's formats, or events while the recording is transcribed."""
        async with self._admission.admit(request):
            form = await read_form(request, FILES, KINDS)
            name = form.fields.get("response_format", "json")
            answer = FORMATS.get(name)
            if answer is None:
                raise HttpError(400, "bad_parameter", f"response_format must be one of {', '.join(FORMATS)}.")
            streams, granularities = form.flag("stream"), _granularities(form, name)
            longest = SEGMENT_SECONDS if name in WITH_TIMES else PIECE_SECONDS
            async with self._admission.engines():
                if streams:
                    return await send_stream(request, EVENTS, self._events(form))
                return answer(await self._transcript(form, longest, granularities))

    async def _events(self, form: Form) -> AsyncGenerator[bytes, None]:
        """OpenAI's events. An error before the first one is raised, later ones are events."""
        sound, text = await self._sound(form), ""
        try:
            async with aclosing(self._pieces(form, sound, SEGMENT_SECONDS)) as pieces:
                async for piece in pieces:
                    if piece.text:
                        delta = f" {piece.text}" if text else piece.text
                        text += delta
                        yield event({"type": "transcript.text.delta", "delta": delta})
        except ENGINE_ERRORS as error:
            if not text:
                raise
            yield error_event(as_http_error(error))
        else:
            yield event({"type": "transcript.text.done", "text": text})

    async def _transcript(
        self, form: Form, longest: int, granularities: Collection[str] = ("segment",)
    ) -> FileTranscript:
        sound = await self._sound(form)
        async with aclosing(self._pieces(form, sound, longest, word_times="word" in granularities)) as pieces:
            return FileTranscript([piece async for piece in pieces], len(sound) / HEARING_RATE, granularities)

    async def _sound(self, form: Form) -> Sound16:
        return await self._file_transcriber.decode(form.file, MAX_SECONDS, law_of(form))

    def _pieces(
        self, form: Form, sound: Sound16, longest: int, *, word_times: bool = False
    ) -> AsyncGenerator[TranscribedPiece, None]:
        prompt = " ".join(form.fields.get("prompt", "").split())[:MAX_PROMPT].rstrip(".")
        return self._file_transcriber.transcribe(
            sound,
            longest=longest,
            language=_language(form),
            hints=(prompt,) if prompt else (),
            word_times=word_times,
            account=self._account,
        )


def _granularities(form: Form, response_format: str) -> Collection[str]:
    """The units whose times are wanted. OpenAI's clients send the field once for each unit."""
    named = frozenset(name for field in GRANULARITY_FIELDS for name in form.repeated.get(field, ()))
    if not named:
        return ("segment",)
    if not named <= frozenset(GRANULARITIES):
        raise HttpError(400, "bad_parameter", "timestamp_granularities[] must be segment or word, or both.")
    if response_format != "verbose_json":
        message = "timestamp_granularities[] needs response_format verbose_json."
        raise HttpError(400, "bad_parameter", message)
    return named


def _language(form: Form) -> str | None:
    given = form.fields.get("language", "").strip()
    if given and language_code(given) is None:
        raise HttpError(400, "bad_parameter", "I don't know that language. Name it as in de or German.")
    return language_code(given) if given else None
