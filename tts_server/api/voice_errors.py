"""What clients of ``/v1/voices`` are told when something can't be done."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from tts_server.api.errors import ApiError
from tts_server.engines.base import EngineError
from tts_server.speaking.admission import OverloadedError
from tts_server.voices.library import LibraryFullError, VoiceExistsError
from tts_server.voices.names import BadLanguageError, BadNameError
from tts_server.voices.profile import UnknownVoiceError
from tts_server.voices.reading import ReadingFailedError
from tts_server.voices.refusal import RecordingRefusedError
from wire.presets import PresetError

RETRY_SECONDS = 5.0
_STATUSES = {"no_audio": 415, "too_large": 413}
"""By the code of a refusal; 400 for the others."""

_log = logging.getLogger(__name__)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answering(handler: _Handler) -> _Handler:
    """The handler, with each of its errors turned into an answer."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ConnectionError:
            _log.info("A client went away while it sent a recording")
            return ApiError(400, "the upload was interrupted: please send it again").response()
        except Exception as error:
            told = error if isinstance(error, ApiError) else _for_the_client(error)
            if told is None:
                raise
            if told.status >= 500:
                _log.error("%s %s: %s", request.method, request.path, error)
            return told.response()

    return answer


def _for_the_client(error: Exception) -> ApiError | None:
    """What the client is told; ``None`` for what is nobody's fault but this program's."""
    message = str(error)
    match error:
        case RecordingRefusedError():
            return ApiError(_STATUSES.get(error.code, 400), message, "recording", error.code)
        case BadNameError():
            return ApiError(400, message, "name", "bad_name")
        case BadLanguageError():
            return ApiError(400, message, "language", "bad_language")
        case PresetError():
            return ApiError(400, message, "preset", "unknown_preset")
        case VoiceExistsError():
            return ApiError(409, message, "name", "voice_exists")
        case LibraryFullError():
            return ApiError(409, message, code="library_full")
        case UnknownVoiceError():
            return ApiError(404, message, "voice", "unknown_voice")
        case OverloadedError():
            return ApiError(429, message, code="rate_limit_exceeded", retry_after=RETRY_SECONDS)
        case EngineError() | ReadingFailedError():
            return ApiError(500, message, code="engine_failed")
        case OSError() if error.strerror:
            return ApiError(500, f"the voices folder can't be used: {error.strerror}", code="storage_failed")
        case _:
            return None
