"""Limits of the HTTP server: how many connections and how many WebSockets there may be at once."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.http.connection import Connection
from bot.http.errors import HttpError
from bot.http.refusal import wants_websocket

MAX_SOCKETS = 32
"""Largest number of WebSockets at once."""
MAX_CONNECTIONS = 256
"""Largest number of connections at once, with and without a request."""
RETRY_AFTER = 5.0
"""Seconds after which a client that found the server full may try again."""
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Content-Type: application/json\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 77\r\n\r\n"
    b'{"error": {"code": "full", "message": "There are too many connections now."}}'
)

_log = logging.getLogger(__name__)


class SocketLimit:
    """Admits at most :data:`MAX_SOCKETS` WebSockets at once."""

    def __init__(self, most: int = MAX_SOCKETS) -> None:
        self._most = most
        self._open = 0

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse further WebSockets with status 503."""
        if not wants_websocket(request):
            return await handler(request)
        if self._open >= self._most:
            message = f"There are {self._most} connections already. Close a tab, or try again later."
            raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, "full", message, retry_after=RETRY_AFTER)
        self._open += 1
        try:
            return await handler(request)
        finally:
            self._open -= 1


class ConnectionLimit:
    """A protocol factory for asyncio's servers. Beyond the limit, a connection gets an error and is closed at once."""

    def __init__(self, server: web.Server, most: int = MAX_CONNECTIONS) -> None:
        self._server = server
        self._most = most
        self._full = False

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        full = len(self._server.connections) >= self._most
        if full and not self._full:
            _log.warning("There are %d connections to the page's server: further ones are refused", self._most)
        self._full = full
        return _Refused() if full else Connection(self._server)


class _Refused(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer at once: a request is neither awaited nor read."""
        writer = cast(asyncio.WriteTransport, transport)
        writer.write(_FULL)
        writer.close()
