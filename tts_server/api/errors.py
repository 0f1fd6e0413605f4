"""Error responses of the HTTP API, in OpenAI's format."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler


class ApiError(Exception):
    """A request that can't be answered. The message is for the client.

    Attributes:
        status: HTTP status.
        parameter: name of the invalid field.
        code: machine-readable reason.
        retry_after: seconds after which a new attempt may succeed.
    """

    def __init__(
        self,
        status: int,
        message: str,
        parameter: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.parameter = parameter
        self.code = code
        self.retry_after = retry_after

    def response(self) -> web.Response:
        """The error as an HTTP response."""
        headers = {} if self.retry_after is None else {"Retry-After": str(max(1, math.ceil(self.retry_after)))}
        return error_response(self.status, str(self), self.parameter, self.code, headers)


def error_response(
    status: int,
    message: str,
    parameter: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """An error as an HTTP response: ``message`` for people, ``code`` for programs, ``parameter`` the invalid field."""
    return web.json_response(error_body(status, message, parameter, code), status=status, headers=headers)


def error_body(status: int, message: str, parameter: str | None = None, code: str | None = None) -> dict[str, object]:
    """The JSON body of an error response."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": parameter, "code": code}}


@web.middleware
async def json_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give aiohttp's own errors, such as an unknown path, the same format as all others."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        message = f"there is nothing at {request.path[:100]}; /openapi.json describes what there is"
        return error_response(404, message, code="unknown_url")
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        message = f"{request.method} is not possible at {request.path[:100]}; possible: {allowed}"
        return error_response(405, message, code="method_not_allowed", headers={hdrs.ALLOW: allowed})
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST or error.content_type == "application/json":
            raise
        return error_response(error.status, error.reason.lower(), code=HTTPStatus(error.status).name.lower())


def unavailable(message: str, code: str = "loading") -> web.HTTPServiceUnavailable:
    """The exception that handlers raise while the engine is loading or the server is full (status 503)."""
    body = json.dumps(error_body(503, message, code=code))
    return web.HTTPServiceUnavailable(text=body, content_type="application/json", headers={"Retry-After": "1"})
