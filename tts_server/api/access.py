"""Access control: token, host and origin checks, cross-origin requests (CORS), and a rate limit per client.

Source: the Fetch standard, "CORS protocol". Before a cross-origin request, a browser asks for permission without
sending the token (the preflight). A browser shows an answer to a web page only if the answer names the page's origin.
"""

from __future__ import annotations

import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from config.addresses import ANY_ORIGIN
from tts_server.api.errors import ApiError, error_response

_OPEN_PATHS = frozenset({"/health"})
PREFLIGHT_SECONDS = 600
"""Seconds for which a browser may cache the answer to a preflight."""
_METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
_DEFAULT_HEADERS = "Authorization, Content-Type"
_ALLOW_PRIVATE_NETWORK = "Access-Control-Allow-Private-Network"
_EXPOSED_HEADERS = "Retry-After"
_HEADER_NAMES = re.compile(r"[\w!#$%&'*+.^`|~, -]{1,1000}", re.ASCII)
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_CLIENTS = 4096
"""Largest number of clients that the rate limit remembers. Beyond it, the client with the oldest request is dropped."""


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
        if host is not None and not self._is_local(host_name(host)):
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

    def _is_local(self, name: str | None) -> bool:
        # Names without a dot are local names, which a stranger's DNS server can't define.
        return name is not None and (is_loopback(name) or name in self._hosts or "." not in name.rstrip("."))

    @staticmethod
    def _has_token(request: web.Request, token: str) -> bool:
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        given = credentials.strip() if scheme.lower() == "bearer" else request.query.get("token", "")
        return hmac.compare_digest(given.encode(errors="replace"), token.encode())


class AllowedOrigins:
    """Origins of the web pages that may use the server, such as ``http://localhost:8000``; ``*`` allows all."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self._allowed = frozenset(allowed)

    @property
    def hosts(self) -> frozenset[str]:
        """Host names of the allowed origins."""
        return frozenset(filter(None, (_host_of(origin) for origin in self._allowed)))

    def allow(self, origin: str) -> bool:
        """Whether pages of this origin are allowed."""
        return ANY_ORIGIN in self._allowed or origin.lower() in self._allowed

    def preflight(self, request: web.Request) -> web.Response | None:
        """The answer to the preflight request of an allowed page; ``None`` for any other request."""
        origin = request.headers.get(hdrs.ORIGIN)
        if request.method != hdrs.METH_OPTIONS or hdrs.ACCESS_CONTROL_REQUEST_METHOD not in request.headers:
            return None
        if origin is None or not self.allow(origin):
            return None
        requested = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "")
        headers: dict[str, str] = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: _METHODS,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: requested if _HEADER_NAMES.fullmatch(requested) else _DEFAULT_HEADERS,
            hdrs.ACCESS_CONTROL_MAX_AGE: str(PREFLIGHT_SECONDS),
        }
        if request.headers.get("Access-Control-Request-Private-Network") == "true":
            headers[_ALLOW_PRIVATE_NETWORK] = "true"
        return web.Response(status=204, headers=headers)

    async def add_cors_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let an allowed page read the response, whatever its status. To be called on ``on_response_prepare``."""
        if not self._allowed:
            return
        response.headers.add(hdrs.VARY, hdrs.ORIGIN)
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and self.allow(origin):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED_HEADERS


def is_loopback(name: str | None) -> bool:
    """Whether a host name without port always means this machine."""
    if name is None:
        return False
    name = name.rstrip(".").lower()
    return (
        name in _LOOPBACK_NAMES or name.endswith(".localhost") or re.fullmatch(r"127(\.\d{1,3}){3}", name) is not None
    )


def host_name(host: str) -> str | None:
    """The name in a ``Host`` header, without its port; ``None`` if the header is not valid."""
    return _host_of(f"//{host}")


def _host_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


@dataclass(slots=True)
class _Bucket:
    requests: float
    at: float


class ClientRateLimit:
    """Token bucket per client address: ``per_minute`` requests at once, refilled within a minute.

    Clients are told apart by address, since all of them share one token. Use it only on the event loop.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._clients: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, client: str) -> float:
        """Count a request. Returns 0 if it is admitted, otherwise the seconds until a request would be admitted."""
        now = self._clock()
        bucket = self._clients.setdefault(client, _Bucket(self._per_minute, now))
        self._clients.move_to_end(client)
        if len(self._clients) > MAX_CLIENTS:
            self._clients.popitem(last=False)
        earned = (now - bucket.at) * self._per_minute / 60
        bucket.requests = min(self._per_minute, bucket.requests + earned)
        bucket.at = now
        if bucket.requests < 1:
            return (1 - bucket.requests) * 60 / self._per_minute
        bucket.requests -= 1
        return 0.0

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse requests beyond the limit with status 429. Only paths under ``/v1/`` are counted."""
        if request.path.startswith("/v1/") and (seconds := self.wait(request.remote or "")):
            message = f"more than {self._per_minute} requests a minute; the next in {seconds:.0f} s"
            return ApiError(429, message, code="rate_limit_exceeded", retry_after=seconds).response()
        return await handler(request)
