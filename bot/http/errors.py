"""Errors as answers: ``{"error": {"code", "message"}}``, ``code`` for programs and ``message`` for people."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

_log = logging.getLogger(__name__)

_SHOWN = 100
"""Largest number of characters of a request that an error repeats."""


class HttpError(Exception):
    """A request that can't be answered. The message is for the person at the other end.

    Attributes:
        status: HTTP status.
        code: the reason, for programs.
        retry_after: seconds after which another attempt may succeed.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.headers = dict(headers or {})

    @property
    def fields(self) -> dict[str, str]:
        """``code`` and ``message``."""
        return {"code": self.code, "message": str(self)}

    def response(self) -> web.Response:
        """The error as an HTTP response."""
        headers = dict(self.headers)
        if self.retry_after is not None:
            headers[hdrs.RETRY_AFTER] = str(max(1, math.ceil(self.retry_after)))
        return web.json_response({"error": self.fields}, status=self.status, headers=headers)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give all errors the same form: those of handlers, and aiohttp's own."""
    try:
        return await handler(request)
    except HttpError as error:
        return error.response()
    except web.HTTPNotFound:
        return HttpError(404, "not_found", f"There is nothing at {request.path[:_SHOWN]}.").response()
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        message = f"{request.method[:_SHOWN]} is not possible at {request.path[:_SHOWN]}; possible: {allowed}."
        return HttpError(405, "method_not_allowed", message, headers={hdrs.ALLOW: allowed}).response()
    except web.HTTPRequestEntityTooLarge:
        return HttpError(413, "too_large", "The request is too large.").response()
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        code = HTTPStatus(error.status).name.lower()
        return HttpError(error.status, code, error.reason).response()
    except ConnectionError:
        raise
    except Exception:
        _log.exception("A request could not be answered: %s %s", request.method, request.path[:_SHOWN])
        return HttpError(500, "internal_error", "Something went wrong on my side. It is in the log.").response()
