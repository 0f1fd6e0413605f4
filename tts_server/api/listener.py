"""Listens on a port for the speech server."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from tts_server.api.errors import error_response
from web_access.connection import QuietConnection

IDLE_LIMIT = 3630.0
"""A connection is closed after this many seconds without a request.

It is an hour and half a minute, which is also aiohttp's default. A proxy in front of the server usually waits less. So
it is the proxy that closes an idle connection, and it never sends a request into a connection that the server is just
closing.
"""
LINGER_LIMIT = 10.0
"""Seconds for which the rest of a refused request is still read.

If the connection were closed at once, it could be reset before the client has read the answer.
"""


class Listener:
    """Serves an application on a port. Use it only on the event loop.

    Args:
        shutdown_timeout: how many seconds handlers get to finish when the server ends. Then they are cancelled.
    """

    def __init__(self, application: web.Application, shutdown_timeout: float) -> None:
        self._runner = web.AppRunner(application, shutdown_timeout=shutdown_timeout)
        self._listening: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> None:
        """Start the application and answer on a port; 0 chooses a free one.

        Raises:
            OSError: nobody can listen there. The application has been started, so :meth:`close` is needed.
        """
        await self._runner.setup()
        server = self._runner.server
        if server is None:
            raise RuntimeError("aiohttp's runner has no server after its setup")
        self._listening = await asyncio.get_running_loop().create_server(
            lambda: QuietConnection(server, _error_answer, keepalive_timeout=IDLE_LIMIT, lingering_time=LINGER_LIMIT),
            host,
            port,
        )

    @property
    def addresses(self) -> list[tuple[Any, ...]]:
        """The addresses on which the server listens, as sockets name them: host and port first."""
        return [] if self._listening is None else [each.getsockname() for each in self._listening.sockets]

    async def close(self) -> None:
        """Close the port and all connections, and end the application. A second call does nothing."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        await self._runner.cleanup()


def _error_answer(status: int) -> web.Response:
    if status >= 500:
        return error_response(status, "something went wrong in the server; its log says what", code="internal_error")
    return error_response(status, "that is not a valid HTTP request", code="bad_request")
