"""Limits of the HTTP server: for connections and WebSockets at once, and for requests other than GET in a minute."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import cast

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bot.http.clients import distant_client
from bot.http.connection import Connection
from bot.http.errors import HttpError
from bot.http.refusal import wants_websocket
from web_access.rate_limit import ClientRateLimit

MAX_SOCKETS = 32
"""Largest number of WebSockets at once."""
MAX_SOCKETS_OF_ONE = 8
"""Largest number of WebSockets at once of one client on another machine. For this machine, there is no limit."""
MAX_CONNECTIONS = 256
"""Largest number of connections at once, with and without a request."""
CHANGES_PER_MINUTE = 300
"""Largest number of requests other than GET in a minute of one client on another machine. For this machine, there is no
limit: at most four requests use the engines at once, and every body is bounded."""
RETRY_AFTER = 5.0
"""Seconds after which a client that found the server full may try again."""
_READING = frozenset((hdrs.METH_GET, hdrs.METH_HEAD))
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Content-Type: application/json\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 77\r\n\r\n"
    b'{"error": {"code": "full", "message": "There are too many connections now."}}'
)

_log = logging.getLogger(__name__)


class SocketLimit:
    """Admits at most ``most`` WebSockets at once, and at most ``most_of_one`` of one client on another machine."""

    def __init__(self, most: int = MAX_SOCKETS, most_of_one: int = MAX_SOCKETS_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._open: Counter[str | None] = Counter()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse further WebSockets with status 503."""
        if not wants_websocket(request):
            return await handler(request)
        client = distant_client(request)
        if self._open.total() >= self._most:
            raise _full(f"There are {self._most} connections already. Close a tab, or try again later.")
        if client is not None and self._open[client] >= self._most_of_one:
            raise _full(f"There are {self._most_of_one} connections from your address already. Close a tab.")
        self._open[client] += 1
        try:
            return await handler(request)
        finally:
            self._open -= Counter([client])  # This also drops a client without any socket left.


class ChangeLimit:
    """Admits at most ``per_minute`` requests other than GET of one client on another machine, before bodies are read.

    Args:
        clock: returns monotonic seconds.
        per_minute: the limit.
    """

    def __init__(self, clock: Callable[[], float], per_minute: int = CHANGES_PER_MINUTE) -> None:
        self._rate = ClientRateLimit(per_minute, clock)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse further requests with status 429."""
        client = None if request.method in _READING else distant_client(request)
        if client is not None and (seconds := self._rate.take(client)) > 0:
            message = f"Too many requests in a minute: at most {self._rate.per_minute}."
            raise HttpError(HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", message, retry_after=seconds)
        return await handler(request)


def _full(message: str) -> HttpError:
    return HttpError(HTTPStatus.SERVICE_UNAVAILABLE, "full", message, retry_after=RETRY_AFTER)


class ConnectionLimit:
    """A protocol factory for asyncio's servers. Beyond the limit, a connection gets an error and is closed at once.

    Args:
        server: aiohttp's server, which handles the requests.
        most: the limit.
        replaces_idle: whether a new connection beyond the limit takes the place of the oldest idle one. It is refused
            only if no connection is idle.
    """

    def __init__(self, server: web.Server, most: int = MAX_CONNECTIONS, *, replaces_idle: bool = False) -> None:
        self._server = server
        self._most = most
        self._replaces_idle = replaces_idle
        self._full = False

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        full = self._is_full() and not (self._replaces_idle and self._close_idle())
        if full and not self._full:
            _log.warning("There are %d connections to an HTTP server of the bot: further ones are refused", self._most)
        self._full = full
        return _Refused() if full else Connection(self._server)

    def _is_full(self) -> bool:
        connections = self._server.connections
        # aiohttp goes on listing a broken-off connection until the event loop has reported its loss.
        return len(connections) >= self._most and sum(not each.closing for each in _ours(connections)) >= self._most

    def _close_idle(self) -> bool:
        """Break off the oldest of the idle connections. Returns whether there was one."""
        oldest = next((each for each in _ours(self._server.connections) if each.idle), None)
        if oldest is not None:
            oldest.break_off()
        return oldest is not None


def _ours(connections: Iterable[web.RequestHandler]) -> Iterator[Connection]:
    return (each for each in connections if isinstance(each, Connection))


class _Refused(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer at once: a request is neither awaited nor read."""
        writer = cast(asyncio.WriteTransport, transport)
        writer.write(_FULL)
        writer.close()
