"""Admits requests to the engines (ears, mind, voice): a few at once, none during a call. Turns errors into answers."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from audio.decode import NotSoundError, TooLongSoundError
from bot.http.connection import cancelled_with_client
from bot.http.errors import HttpError
from bot.llm.errors import ModelError, ModelErrorKind
from bot.speech_server.errors import (
    SpeechLimitError,
    SpeechUnavailable,
    UnspeakableError,
    VoiceAwayError,
    VoiceLimitError,
)
from bot.voice.transcribe.transcriber import TranscriptionError, TranscriptionLimitError
from bot.work_gate import FeatureHeldError, WorkGate, WorkStoppedError

_log = logging.getLogger(__name__)

GATE_NAME = "requests over HTTP"
"""Name of the API among the features that a call holds back."""
HOLD_LIMIT = 3.0
"""Seconds for which a starting call waits for requests under way. Then they are broken off."""
MAX_AT_ONCE = 4
"""Largest number of requests under way. Each may hold a recording of 25 MB in memory."""
RETRY_SECONDS = 5.0
"""Seconds after which a client may try again when an engine is away."""
LIMIT_SECONDS = 600.0
"""Seconds after which a client may try again when today's limit for what costs money is reached."""
BUSY_SECONDS = 1.0
"""Seconds after which a client may try again when too many requests are under way."""
IN_CALL = "A call is on, which needs ears, mind and voice. Try again when it is over."
BUSY = f"{MAX_AT_ONCE} requests are under way already. Try again in a moment."
NOT_SOUND = "The file can't be played: it is broken, or in a format that I don't know."
TOO_LONG = "The recording is longer than I can listen to."
NO_EARS = "I can't make out recordings at the moment. `python -m bot health` says why."
NO_MIND = "My mind gives no answer at the moment. `python -m bot health` says why."
NO_VOICE = "My voice is not there at the moment. `python -m bot health` says why."
UNSPEAKABLE = "My voice can't say this text."
ENGINE_ERRORS = (
    TranscriptionError,
    ModelError,
    SpeechUnavailable,
    VoiceAwayError,
    UnspeakableError,
    NotSoundError,
    TooLongSoundError,
)
"""The errors of engines that :func:`as_http_error` turns into answers."""


def make_gate() -> WorkGate:
    """The gate that the lease closes while a call is on."""
    return WorkGate(GATE_NAME, limit=HOLD_LIMIT)


class Admission:
    """Admits requests. Use it only on the event loop.

    Args:
        gate: is closed while a call is on.
        most: the largest number of requests under way.
    """

    def __init__(self, gate: WorkGate, most: int = MAX_AT_ONCE) -> None:
        self._gate = gate
        self._most = most
        self._under_way = 0

    @asynccontextmanager
    async def admit(self, request: web.Request) -> AsyncIterator[None]:
        """Take a request in, before its body is read. It is cancelled if its client disconnects.

        Raises:
            HttpError: a call is on, or too many requests are under way.
        """
        self.require_no_call()
        if self._under_way >= self._most:
            raise HttpError(429, "busy", BUSY, retry_after=BUSY_SECONDS)
        self._under_way += 1
        try:
            with cancelled_with_client(request):
                yield
        finally:
            self._under_way -= 1

    def require_no_call(self) -> None:
        """Raises :class:`HttpError` (409) while a call is on."""
        if self._gate.held:
            raise HttpError(409, "in_call", IN_CALL)

    @asynccontextmanager
    async def engines(self) -> AsyncIterator[None]:
        """Use the engines. A call that begins waits a little for the end of the block, and then breaks the block off.

        Raises:
            HttpError: a call is on or has begun, or an engine has failed.
        """
        try:
            async with self._gate.work():
                yield
        except (FeatureHeldError, WorkStoppedError):
            raise HttpError(409, "in_call", IN_CALL) from None
        except ENGINE_ERRORS as error:
            raise as_http_error(error) from error


def as_http_error(error: Exception) -> HttpError:
    """The answer for one of :data:`ENGINE_ERRORS`. What the engine says goes to the log: it may name other machines."""
    match error:
        case TranscriptionLimitError() | SpeechLimitError() | VoiceLimitError() | ModelError(kind=ModelErrorKind.LIMIT):
            # This text names no machines, and says when the limit begins anew.
            return HttpError(503, "daily_limit", str(error), retry_after=LIMIT_SECONDS)
        case NotSoundError():
            return HttpError(415, "not_sound", NOT_SOUND)
        case TooLongSoundError():
            return HttpError(413, "too_long", TOO_LONG)
        case UnspeakableError():
            return HttpError(400, "unspeakable", UNSPEAKABLE)
        case TranscriptionError():
            code, text = "ears_away", NO_EARS
        case ModelError():
            code, text = "mind_away", NO_MIND
        case _:
            code, text = "voice_away", NO_VOICE
    _log.warning("A request over HTTP failed (%s): %s", code, error)
    return HttpError(503, code, text, retry_after=RETRY_SECONDS)
