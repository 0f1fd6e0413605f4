"""The ``/ws/stream`` endpoint: accepts WebSockets, sends notices over them, and closes them. In between, each WebSocket
is served by :mod:`tts_server.speaking.stream_connection`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable
from functools import partial

from aiohttp import WSCloseCode, web

from config.tasks import end_tasks
from tts_server.api.errors import unavailable
from tts_server.metrics import Metrics
from tts_server.speaking.engine_pool import EnginePool, NoticeBroadcast
from tts_server.speaking.reply_worker import READ_TIMEOUT
from tts_server.speaking.stream_connection import StreamConnection
from web_access.socket_messages import TOO_MANY_MESSAGES, read_in_small_pieces
from wire.messages import Notice

MAX_CONNECTIONS = 64
MAX_MESSAGE_BYTES = 1024 * 1024
"""A message with more bytes closes the connection. A message that exceeds only the limit in ``wire`` gets an error."""
KEEPALIVE_SECONDS = 20
MAX_QUEUED_NOTICES = 100
"""Largest number of notices that are kept for a client that does not read. Newer notices are dropped."""

_log = logging.getLogger(__name__)


class StreamApi:
    """The ``/ws/stream`` endpoint.

    Args:
        ready: returns the engine pool, or raises the HTTP error that says why there is none yet.
        current_notices: returns the notices that apply now. They are sent first to a client that asks for notices.
        read_timeout: seconds after which a client that reads nothing is disconnected.
    """

    def __init__(
        self,
        ready: Callable[[], EnginePool],
        metrics: Metrics,
        clock: Callable[[], float],
        current_notices: Callable[[EnginePool], Iterable[Notice]],
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        self._ready = ready
        self._metrics = metrics
        self._clock = clock
        self._current_notices = current_notices
        self._read_timeout = read_timeout
        self._connections: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """The route of this endpoint."""
        return [web.get("/ws/stream", self._stream)]

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        pool = self._ready()
        if len(self._connections) >= MAX_CONNECTIONS:
            raise unavailable(f"there are {MAX_CONNECTIONS} connections already", "overloaded")
        # Float samples compress badly, so compression would only cost time.
        websocket = web.WebSocketResponse(compress=False, max_msg_size=MAX_MESSAGE_BYTES, timeout=1.0, autoping=False)
        await websocket.prepare(request)
        read_in_small_pieces(request.transport)
        _keep_alive(request)
        stream = StreamConnection(
            websocket, pool, self._metrics, self._clock, partial(_break_off, request), self._read_timeout
        )
        wants_notices = request.query.get("notices") == "true"
        serve = self._with_notices(stream, pool) if wants_notices else stream.run()
        serving = asyncio.create_task(serve, name="stream")
        self._connections.add(serving)
        self._metrics.connections += 1
        try:
            await asyncio.wait([serving])
        finally:
            self._connections.discard(serving)
            self._metrics.connections -= 1
            serving.cancel()
        code, reason = _close_code(serving), ""
        if stream.too_many_messages:
            code, reason = WSCloseCode.POLICY_VIOLATION, TOO_MANY_MESSAGES
        await websocket.close(code=code, message=reason.encode())
        return websocket

    async def _with_notices(self, stream: StreamConnection, pool: EnginePool) -> None:
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(
                _send_notices(pool.notices, self._current_notices(pool), stream), name="notices"
            )
            await stream.run()
            telling.cancel()

    async def disconnect_all(self) -> None:
        """Close every connection."""
        await end_tasks(*self._connections)


async def _send_notices(notices: NoticeBroadcast, current_notices: Iterable[Notice], client: StreamConnection) -> None:
    """Send the current notices and then every new one, until cancelled.

    Raises:
        ConnectionError: the client is gone.
    """
    waiting: asyncio.Queue[Notice] = asyncio.Queue()

    def take(notice: Notice) -> None:
        if waiting.qsize() < MAX_QUEUED_NOTICES:
            waiting.put_nowait(notice)

    for notice in current_notices:
        take(notice)
    stop = notices.subscribe(take)
    try:
        while True:
            await client.send(await waiting.get())
    finally:
        stop()


def _break_off(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _close_code(served: asyncio.Task[None]) -> WSCloseCode:
    """The close code for a connection whose task has ended."""
    if served.cancelled():
        return WSCloseCode.GOING_AWAY
    error = served.exception()
    if error is None:
        return WSCloseCode.OK
    if isinstance(error, BaseExceptionGroup) and error.split(ConnectionError)[1] is None:
        _log.info("A client went away")
    else:
        _log.error("A connection failed", exc_info=error)
    return WSCloseCode.INTERNAL_ERROR


def _keep_alive(request: web.Request) -> None:
    """Turn on TCP keep-alive, so that the kernel notices when the client's machine is gone.

    WebSocket pings are no alternative: a client that plays sound while it reads may answer pings too late.
    """
    connection = request.transport.get_extra_info("socket") if request.transport else None
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
