"""Origins of web pages, and cross-origin requests (CORS).

Source: the Fetch standard, "CORS protocol". Before a cross-origin request, a browser asks for permission without
sending the token (the preflight). A browser shows an answer to a web page only if the answer names the page's origin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from config.addresses import ANY_ORIGIN
from web_access.hosts import host_of

PREFLIGHT_SECONDS = 600
"""Seconds for which a browser may cache the answer to a preflight."""
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_DEFAULT_HEADERS = "Authorization, Content-Type"
_ALLOW_PRIVATE_NETWORK = "Access-Control-Allow-Private-Network"
_EXPOSED_HEADERS = "Retry-After, X-Conversation, X-Transcription"
_FETCH_SITE, _OTHER_SITES = "Sec-Fetch-Site", ("cross-site", "same-site")
OPAQUE = "null"
"""Stands for the origin of a page that does not tell its origin."""
_HEADER_NAMES = re.compile(r"[\w!#$%&'*+.^`|~, -]{1,1000}", re.ASCII)


def stated_origins(request: web.Request) -> list[str]:
    """The origins of the web pages that a request says it comes from; empty for programs and for the server's own page.

    For the pictures, sounds, scripts and frames of a page, and for links, a browser sends no ``Origin``. But it says
    that another site asks (Fetch Metadata), and mostly which one (``Referer``). If a page hides its
    address, the result has :data:`OPAQUE` for it.
    """
    given = request.headers.getall(hdrs.ORIGIN, [])
    if given or request.headers.get(_FETCH_SITE, "") not in _OTHER_SITES:
        return list(given)
    try:
        page = urlsplit(request.headers.get(hdrs.REFERER, ""))
    except ValueError:
        return [OPAQUE]
    return [f"{page.scheme}://{page.netloc}" if page.scheme and page.netloc else OPAQUE]


class AllowedOrigins:
    """Origins of the web pages that may use the server, such as ``http://localhost:8000``; ``*`` allows all."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self._allowed = frozenset(allowed)

    @property
    def hosts(self) -> frozenset[str]:
        """Host names of the allowed origins."""
        return frozenset(filter(None, (host_of(origin) for origin in self._allowed)))

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
        """Let an allowed page read the response, even if it is an error. To be called on ``on_response_prepare``."""
        if not self._allowed:
            return
        response.headers.add(hdrs.VARY, hdrs.ORIGIN)
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and self.allow(origin):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED_HEADERS
