"""Serves an application of aiohttp on listening sockets, with limits for its connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from aiohttp import web

from bot.http.limits import MAX_CONNECTIONS, ConnectionLimit

SHUTDOWN_LIMIT = 1.0
"""Seconds that handlers have to finish when the server ends. After that, they are cancelled."""


class Serving:
    """An application that is served. Use it only on the event loop.

    Args:
        most: largest number of connections at once.
        replaces_idle: whether a new connection beyond ``most`` takes the place of an idle one.
    """

    def __init__(
        self, application: web.Application, most: int = MAX_CONNECTIONS, *, replaces_idle: bool = False
    ) -> None:
        self._runner = web.AppRunner(application, shutdown_timeout=SHUTDOWN_LIMIT)
        self._most = most
        self._replaces_idle = replaces_idle
        self._servers: list[asyncio.Server] = []

    async def serve(self, listening: Sequence[socket.socket]) -> None:
        """Answer on these sockets, which belong to the server from then on."""
        await self._runner.setup()
        server = self._runner.server
        if server is None:
            raise RuntimeError("aiohttp's runner has no server after its setup")
        loop = asyncio.get_running_loop()
        limit = ConnectionLimit(server, self._most, replaces_idle=self._replaces_idle)
        for each in listening:
            self._servers.append(await loop.create_server(limit, sock=each))

    def refuse_connections(self) -> None:
        """Take no further connections. The open connections go on until :meth:`close`."""
        for each in self._servers:
            each.close()

    async def close(self) -> None:
        """Close all connections and the port. May be called before :meth:`serve`, and more than once."""
        self.refuse_connections()
        self._servers.clear()
        await self._runner.cleanup()
