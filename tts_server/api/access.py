"""Who may come in."""

from __future__ import annotations

import hmac
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from tts_server.api.errors import error_response
from tts_server.api.origins import Origins, host_name, is_loopback

_OPEN_PATHS = frozenset({"/health"})


class Access:
    """Lets in who sends the token; where there is none, everybody on this machine but web pages from elsewhere."""

    def __init__(self, token: str | None, origins: Origins) -> None:
        self._token = token
        self._origins = origins
        self._hosts = origins.hosts

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Stands before every handler."""
        # A browser asks before it sends the token.
        if (answer := self._origins.preflight(request)) is not None:
            return answer
        if (refusal := self._refusal(request)) is not None:
            return refusal
        return await handler(request)

    def _refusal(self, request: web.Request) -> web.Response | None:
        is_open = request.path in _OPEN_PATHS
        if self._token is None:
            return self._from_elsewhere(request, is_open)
        if is_open or self._is_known(request, self._token):
            return None
        return error_response(
            HTTPStatus.UNAUTHORIZED,
            "the token is missing or wrong: send TTS_TOKEN as 'Authorization: Bearer …' or '?token=…'",
            code="invalid_api_key",
            headers={"WWW-Authenticate": "Bearer"},
        )

    def _from_elsewhere(self, request: web.Request, is_open: bool) -> web.Response | None:
        """Any web page that somebody on this machine looks at could otherwise connect."""
        # A page may have its own name lead to this machine (DNS rebinding); its browser then sends no Origin, but Host.
        host = request.headers.get(hdrs.HOST)
        if host is not None and not self._is_own(host_name(host)):
            return error_response(
                HTTPStatus.FORBIDDEN,
                f"this server is not {host[:100]!r}: use 127.0.0.1 or localhost, or set TTS_TOKEN",
                code="bad_host",
            )
        origin = request.headers.get(hdrs.ORIGIN)
        if (
            origin is None
            or is_open
            or self._origins.allow(origin)
            or is_loopback(host_name(origin.partition("//")[2]))
        ):
            return None
        return error_response(
            HTTPStatus.FORBIDDEN,
            "pages from elsewhere may not use this server unless TTS_ALLOWED_ORIGINS names them or TTS_TOKEN is set",
            code="bad_origin",
        )

    def _is_own(self, name: str | None) -> bool:
        # A name without a dot is one of this network: no stranger can have it lead here.
        return name is not None and (is_loopback(name) or name in self._hosts or "." not in name.rstrip("."))

    @staticmethod
    def _is_known(request: web.Request, token: str) -> bool:
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        given = credentials.strip() if scheme.lower() == "bearer" else request.query.get("token", "")
        return hmac.compare_digest(given.encode(errors="replace"), token.encode())
