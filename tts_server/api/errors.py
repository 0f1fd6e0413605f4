"""Errors of the HTTP API, in the shape in which OpenAI's clients look for them."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web


def error_response(
    status: int,
    message: str,
    parameter: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """An error for a client; ``message`` is for people, ``code`` for programs, ``parameter`` the field at fault."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    body = {"error": {"message": message, "type": kind, "param": parameter, "code": code}}
    return web.json_response(body, status=status, headers=headers)
