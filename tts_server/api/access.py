"""Access control of the speech server: token, host, origin, the rate limit of ``/v1/``, no compressed bodies."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from tts_server.api.errors import ApiError, error_response
from web_access.compression import PLAIN, compression_of
from web_access.hosts import host_name, host_of, is_loopback, is_safe_name
from web_access.origins import AllowedOrigins, stated_origins
from web_access.rate_limit import ClientRateLimit

_OPEN_PATHS = frozenset({"/health"})


class Access:
    """Admits requests that carry the token. If no token is set, it admits local programs and allowed web pages."""

    def __init__(self, token: str | None, origins: AllowedOrigins) -> None:
        self._token = token
        self._origins = origins
        self._hosts = origins.hosts

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse requests that may not use the server, before any handler runs."""
        # Preflight requests carry no token.
        if (answer := self._origins.preflight(request)) is not None:
            return answer
        if (refusal := self._refusal(request)) is not None:
            return refusal
        return await handler(request)

    def _refusal(self, request: web.Request) -> web.Response | None:
        is_open = request.path in _OPEN_PATHS
        if self._token is None:
            return self._refuse_foreign(request, is_open)
        if is_open or self._has_token(request, self._token):
            return None
        return error_response(
            HTTPStatus.UNAUTHORIZED,
            "the token is missing or wrong: send TTS_TOKEN as 'Authorization: Bearer …' or '?token=…'",
            code="invalid_api_key",
            headers={"WWW-Authenticate": "Bearer"},
        )

    def _refuse_foreign(self, request: web.Request, is_open: bool) -> web.Response | None:
        """Refuse requests of foreign web pages, which any browser on this machine could otherwise send."""
        # DNS rebinding: a foreign page's host name may point to this machine. The page's requests may then lack an
        # Origin header, but their Host header has the foreign name.
        host = request.headers.get(hdrs.HOST)
        if host is not None and not is_safe_name(host_name(host), self._hosts):
            return error_response(
                HTTPStatus.FORBIDDEN,
                f"this server is not {host[:100]!r}: use 127.0.0.1 or localhost, or set TTS_TOKEN",
                code="bad_host",
            )
        if is_open or all(self._origins.allow(each) or is_loopback(host_of(each)) for each in stated_origins(request)):
            return None
        if request.path == "/" and hdrs.ORIGIN not in request.headers:
            # Any page may link to the start page, which says what this server is.
            return None
        return error_response(
            HTTPStatus.FORBIDDEN,
            "pages from elsewhere may not use this server unless TTS_ALLOWED_ORIGINS names them or TTS_TOKEN is set",
            code="bad_origin",
        )

    @staticmethod
    def _has_token(request: web.Request, token: str) -> bool:
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        given = credentials.strip() if scheme.lower() == "bearer" else request.query.get("token", "")
        return hmac.compare_digest(given.encode(errors="replace"), token.encode())


class RequestLimit:
    """Refuses the requests of a client that sends more than ``per_minute`` to ``/v1/``."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._limit = ClientRateLimit(per_minute, clock)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse requests beyond the limit with status 429. Only paths under ``/v1/`` are counted."""
        if request.path.startswith("/v1/") and (seconds := self._limit.take(request.remote or "")):
            message = f"more than {self._limit.per_minute} requests a minute; the next in {seconds:.0f} s"
            return ApiError(429, message, code="rate_limit_exceeded", retry_after=seconds).response()
        return await handler(request)


@web.middleware
async def refuse_compressed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests with compressed bodies, before any handler reads them."""
    if (compression := compression_of(request)) is not None:
        message = f"send the body as it is, without Content-Encoding: {compression}"
        headers: dict[str, str] = {hdrs.ACCEPT_ENCODING: PLAIN}
        return error_response(415, message, code="unsupported_media_type", headers=headers)
    return await handler(request)
