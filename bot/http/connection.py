"""Connections of the HTTP server: their time limits, and the answers to invalid requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from aiohttp import web
from typing_extensions import override

from bot.http.errors import HttpError
from bot.http.headers import PROTECTION

IDLE_LIMIT = 30.0
"""A connection is closed after this many seconds without a complete request. Browsers then connect again."""
LINGER_LIMIT = 1.0
"""Seconds for which the rest of a refused request is still read, so that the client reads the answer."""

_log = logging.getLogger(__name__)


class Connection(web.RequestHandler):
    """One connection. aiohttp's class would log invalid requests with a traceback, and repeat them in the answer.

    Args:
        server: aiohttp's server, which handles the requests.
    """

    def __init__(self, server: web.Server) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=IDLE_LIMIT,
            lingering_time=LINGER_LIMIT,
            access_log=None,  # type: ignore[arg-type]  # None means no log: addresses are nobody's business.
        )
        self._serving: asyncio.Task[Any] | None = None

    @contextmanager
    def cancels(self) -> Iterator[None]:
        """Cancel the current task if the client disconnects while the block runs."""
        self._serving = asyncio.current_task()
        try:
            yield
        finally:
            self._serving = None

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by asyncio when the client has disconnected."""
        super().connection_lost(exc)
        if self._serving is not None:
            self._serving.cancel()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer an invalid request, or a request whose handler has failed. Then the connection is closed.

        Raises:
            ConnectionError: a part of another answer was sent already.
        """
        if status >= 500:
            _log.error("A request could not be answered", exc_info=exc)
        else:
            _log.debug("A client has sent an invalid request: %s", type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("A part of another answer was sent already")
        words = "Something went wrong on my side." if status >= 500 else "That is not a valid HTTP request."
        answer = HttpError(status, "internal_error" if status >= 500 else "bad_request", words).response()
        answer.headers.update(PROTECTION)
        answer.force_close()
        return answer


def cancelled_with_client(request: web.Request) -> AbstractContextManager[None]:
    """A context in which the current task is cancelled if the client disconnects, so that no engine works for nobody.

    Raises:
        ConnectionResetError: the client has disconnected already.
    """
    if request.transport is None:
        raise ConnectionResetError("the client has disconnected")
    connection = request.protocol
    return connection.cancels() if isinstance(connection, Connection) else nullcontext()
