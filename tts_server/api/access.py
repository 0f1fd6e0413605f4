"""Who may come in."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from tts_server.api.errors import error_response

_OPEN_PATHS = frozenset({"/health"})
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Access:
    """Lets in who sends the token; where there is none, everybody but web pages from elsewhere."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Stands before every handler."""
        if request.path in _OPEN_PATHS:
            return await handler(request)
        if self._token is None:
            # Any web page that somebody on this machine looks at could otherwise connect.
            origin = request.headers.get("Origin")
            if origin is not None and urlsplit(origin).hostname not in _LOOPBACK_NAMES:
                return error_response(403, "pages from elsewhere may not use this server unless TTS_TOKEN is set")
        elif not self._is_known(request, self._token):
            return error_response(
                401,
                "the token is missing or wrong: send TTS_TOKEN as 'Authorization: Bearer …' or '?token=…'",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return await handler(request)

    @staticmethod
    def _is_known(request: web.Request, token: str) -> bool:
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        given = credentials.strip() if scheme.lower() == "bearer" else request.query.get("token", "")
        return hmac.compare_digest(given.encode(errors="replace"), token.encode())
