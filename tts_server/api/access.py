"""Who may come in."""

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
"""For which a browser may remember what it was told."""
_METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
_USUAL_HEADERS = "Authorization, Content-Type"
_ALLOW_PRIVATE_NETWORK = "Access-Control-Allow-Private-Network"
_EXPOSED_HEADERS = "Retry-After"
_HEADER_NAMES = re.compile(r"[\w!#$%&'*+.^`|~, -]{1,1000}", re.ASCII)
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_CLIENTS = 4096
"""That are remembered; of more, those that were quiet for longest are forgotten."""


class Access:
    """Lets in who sends the token; where there is none, everybody on this machine but web pages from elsewhere."""

    def __init__(self, token: str | None, origins: AllowedOrigins) -> None:
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


class AllowedOrigins:
    """The origins that are allowed, each as a browser writes it: ``http://localhost:8000``; or ``*``, for all."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self._allowed = frozenset(allowed)

    @property
    def hosts(self) -> frozenset[str]:
        """The names of the hosts among them."""
        return frozenset(filter(None, (_host_of(origin) for origin in self._allowed)))

    def allow(self, origin: str) -> bool:
        """Whether pages of this origin are allowed by name."""
        return ANY_ORIGIN in self._allowed or origin.lower() in self._allowed

    def preflight(self, request: web.Request) -> web.Response | None:
        """The answer to a browser that asks what an allowed page may send; ``None`` for any other request."""
        origin = request.headers.get(hdrs.ORIGIN)
        if request.method != hdrs.METH_OPTIONS or hdrs.ACCESS_CONTROL_REQUEST_METHOD not in request.headers:
            return None
        if origin is None or not self.allow(origin):
            return None
        asked = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS, "")
        headers: dict[str, str] = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: _METHODS,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: asked if _HEADER_NAMES.fullmatch(asked) else _USUAL_HEADERS,
            hdrs.ACCESS_CONTROL_MAX_AGE: str(PREFLIGHT_SECONDS),
        }
        if request.headers.get("Access-Control-Request-Private-Network") == "true":
            headers[_ALLOW_PRIVATE_NETWORK] = "true"
        return web.Response(status=204, headers=headers)

    async def add_cors_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Have a browser hand an answer, of any kind, to a page that is allowed. For ``on_response_prepare``."""
        if not self._allowed:
            return
        response.headers.add(hdrs.VARY, hdrs.ORIGIN)
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and self.allow(origin):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED_HEADERS


def is_loopback(name: str | None) -> bool:
    """Whether the name of a host, without its port, means this machine and nothing else."""
    if name is None:
        return False
    name = name.rstrip(".").lower()
    return (
        name in _LOOPBACK_NAMES or name.endswith(".localhost") or re.fullmatch(r"127(\.\d{1,3}){3}", name) is not None
    )


def host_name(host: str) -> str | None:
    """The name in a ``Host`` header, without its port; ``None`` for what is none."""
    return _host_of(f"//{host}")


def _host_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


@dataclass(slots=True)
class _Allowance:
    requests: float
    at: float


class ClientRateLimit:
    """Lets each client send ``per_minute`` requests at once, and as many more in every minute.

    A client is an address: the token is the same for all. For the event loop alone.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._clients: OrderedDict[str, _Allowance] = OrderedDict()

    def wait(self, client: str) -> float:
        """Count a request, and return 0; or, where it is one too many, the seconds until the next may come."""
        now = self._clock()
        allowance = self._clients.setdefault(client, _Allowance(self._per_minute, now))
        self._clients.move_to_end(client)
        if len(self._clients) > MAX_CLIENTS:
            self._clients.popitem(last=False)
        earned = (now - allowance.at) * self._per_minute / 60
        allowance.requests = min(self._per_minute, allowance.requests + earned)
        allowance.at = now
        if allowance.requests < 1:
            return (1 - allowance.requests) * 60 / self._per_minute
        allowance.requests -= 1
        return 0.0

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what is too much with 429; what only looks at the server is not counted."""
        if request.path.startswith("/v1/") and (seconds := self.wait(request.remote or "")):
            message = f"more than {self._per_minute} requests a minute; the next in {seconds:.0f} s"
            return ApiError(429, message, code="rate_limit_exceeded", retry_after=seconds).response()
        return await handler(request)
