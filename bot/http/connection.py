"""Connections of the HTTP server: their time limits, the answers to invalid requests, and clients that go away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from aiohttp import web
from typing_extensions import override

from bot.http.errors import HttpError
from bot.http.headers import PROTECTION
from web_access.connection import QuietConnection

IDLE_LIMIT = 30.0
"""A connection is closed after this many seconds without a complete request. Browsers then connect again."""
LINGER_LIMIT = 1.0
"""Seconds for which the rest of a refused request is still read, so that the client reads the answer."""


class Connection(QuietConnection):
    """One connection.

    Args:
        server: aiohttp's server, which handles the requests.
    """

    def __init__(self, server: web.Server) -> None:
        super().__init__(server, _error_answer, keepalive_timeout=IDLE_LIMIT, lingering_time=LINGER_LIMIT)
        self._serving: asyncio.Task[Any] | None = None

    @contextmanager
    def cancels(self) -> Iterator[None]:
        """Cancel the current task if the client disconnects while the block runs."""
        self._serving = asyncio.current_task()
        try:
            yield
        finally:
            self._serving = None

    @property
    def closing(self) -> bool:
        """Whether the connection is lost, or about to be."""
        return self.transport is None or self.transport.is_closing()

    @property
    def idle(self) -> bool:
        """Whether no request is being answered."""
        return not self.closing and self._current_request is None

    def break_off(self) -> None:
        """Disconnect the client at once."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by asyncio when the client has disconnected."""
        super().connection_lost(exc)
        if self._serving is not None:
            self._serving.cancel()


def _error_answer(status: int) -> web.Response:
    words = "Something went wrong on my side." if status >= 500 else "That is not a valid HTTP request."
    answer = HttpError(status, "internal_error" if status >= 500 else "bad_request", words).response()
    answer.headers.update(PROTECTION)
    return answer


def cancelled_with_client(request: web.Request) -> AbstractContextManager[None]:
    """A context in which the current task is cancelled if the client disconnects, so that engines never work in vain.

    Raises:
        ConnectionResetError: the client has disconnected already.
    """
    if request.transport is None:
        raise ConnectionResetError("the client has disconnected")
    connection = request.protocol
    return connection.cancels() if isinstance(connection, Connection) else nullcontext()
