"""What clients of ``/v1/voices`` are told when something can't be done."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from tts_server.api.errors import error_response
from tts_server.api.uploads import UploadError
from tts_server.engines.base import EngineError, OutOfMemoryError, UnknownVoiceError
from tts_server.voices.library import LibraryFullError, VoiceExistsError
from tts_server.voices.names import BadLanguageError, BadNameError
from tts_server.voices.reading import ReadingFailedError
from tts_server.voices.refusal import RecordingRefusedError

RETRY_SECONDS = "5"
_STATUSES = {"no_audio": 415, "too_large": 413}
"""By the code of a refusal; 400 for the others."""

_log = logging.getLogger(__name__)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class CannotCloneError(Exception):
    """The engine speaks with no voices but its own."""


class BuiltInVoiceError(Exception):
    """The voice is the engine's, and stays as it is."""


class TooManyUploadsError(Exception):
    """Others' recordings are being read."""


def answering(handler: _Handler) -> _Handler:
    """The handler, with each of its errors turned into an answer."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ConnectionError:
            _log.info("A client went away while it sent a recording")
            return error_response(400, "the form did not come whole")
        except Exception as error:
            response = _response(error)
            if response is None:
                raise
            if response.status >= 500:
                _log.error("%s %s: %s", request.method, request.path, error)
            return response

    return answer


def _response(error: Exception) -> web.Response | None:
    """What the client is told; ``None`` for what is nobody's fault but this program's."""
    message = str(error)
    match error:
        case RecordingRefusedError():
            return error_response(_STATUSES.get(error.code, 400), message, "recording", error.code)
        case UploadError():
            return error_response(error.status, message, error.parameter, error.code)
        case BadNameError():
            return error_response(400, message, "name", "bad_name")
        case BadLanguageError():
            return error_response(400, message, "language", "bad_language")
        case VoiceExistsError():
            return error_response(409, message, "name", "voice_exists")
        case LibraryFullError():
            return error_response(409, message, code="library_full")
        case CannotCloneError():
            return error_response(409, message, code="cannot_clone")
        case BuiltInVoiceError():
            return error_response(409, message, "voice", "built_in")
        case UnknownVoiceError():
            return error_response(404, message, "voice", "unknown_voice")
        case TooManyUploadsError():
            return error_response(429, message, code="rate_limit_exceeded", headers={"Retry-After": RETRY_SECONDS})
        case OutOfMemoryError():
            return error_response(503, message, code="out_of_memory", headers={"Retry-After": RETRY_SECONDS})
        case EngineError() | ReadingFailedError():
            return error_response(500, message, code="engine_failed")
        case OSError() if error.strerror:
            return error_response(500, f"the voices folder can't be used: {error.strerror}", code="storage_failed")
        case _:
            return None
