"""Connections of an HTTP server whose clients may send anything, and may go away at any time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiohttp import web

_log = logging.getLogger(__name__)


class QuietConnection(web.RequestHandler):
    """One connection. A client can't fill the log through it, and every error has the server's own form.

    aiohttp's class logs a traceback for each invalid request and for each client that goes away before its answer.
    It also unpacks compressed bodies, and closes the connection with a traceback if one is broken. Here bodies stay as
    they are, and the server has to refuse those in which :func:`~web_access.compression.compression_of` finds a
    compression.

    Args:
        server: aiohttp's server, which handles the requests.
        error_answer: makes the answer to an invalid request (400), or to one whose handler has failed (500 or 504).
        keepalive_timeout: seconds without a request after which the connection is closed.
        lingering_time: seconds for which the rest of a refused request is still read.
    """

    def __init__(
        self,
        server: web.Server,
        error_answer: Callable[[int], web.Response],
        *,
        keepalive_timeout: float,
        lingering_time: float,
    ) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=keepalive_timeout,
            lingering_time=lingering_time,
            access_log=None,  # type: ignore[arg-type]  # None means no log: addresses are nobody's business.
            auto_decompress=False,
        )
        self._error_answer = error_answer

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer an invalid request, or a request whose handler has failed. Then the connection is closed.

        Raises:
            ConnectionError: the client is gone, or a part of another answer was sent already.
        """
        if isinstance(exc, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            _log.debug("A client has gone away before its answer: %s", exc)
            raise exc
        if status >= 500:
            _log.error("A request could not be answered", exc_info=exc)
        else:
            _log.debug("A client has sent an invalid request: %s", type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("A part of another answer was sent already")
        answer = self._error_answer(status)
        answer.force_close()
        return answer
