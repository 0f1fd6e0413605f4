"""Web pages that may use this server from a browser: cross-origin resource sharing (CORS).

Source: the Fetch standard, "CORS protocol". A browser asks first, without a token (the preflight), and gives a page the
answer only if the answer names the page's origin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from config.addresses import ANY_ORIGIN

PREFLIGHT_SECONDS = 600
"""For which a browser may remember what it was told."""
_METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
_USUAL_HEADERS = "Authorization, Content-Type"
_ALLOW_PRIVATE_NETWORK = "Access-Control-Allow-Private-Network"
_EXPOSED_HEADERS = "Retry-After"
_HEADER_NAMES = re.compile(r"[\w!#$%&'*+.^`|~, -]{1,1000}", re.ASCII)
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Origins:
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

    async def sign(self, request: web.Request, response: web.StreamResponse) -> None:
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
