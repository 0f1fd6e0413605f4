"""The client of a WebSocket: what it gets is queued, and it is disconnected if it reads too slowly."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

import aiohttp
from aiohttp import web

from bot.voice.browser.server_messages import CloseCode, ServerMessage
from web_access.socket_messages import next_message, read_in_small_pieces

_log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
"""Seconds between two pings. A client that has not answered after half of this time counts as gone."""
CLOSE_LIMIT = 1.0
"""Longest wait for a client's part in closing the socket, in seconds."""
MAX_UNSENT_BYTES = 256 * 1_024
"""Largest amount of data that may wait to be sent to a client. If more waits, the client is disconnected."""
KERNEL_BUFFER_BYTES = 64 * 1_024
"""Size of the kernel's buffer for one client. With the usual size, a client could lag behind by many seconds."""
MAX_ERRORS = 50
"""Largest number of bad messages in a row. Then the socket is closed."""
REASON_BYTES = 123
"""Largest length of the reason in a close message."""
TOO_MANY_ERRORS = "Too many bad messages."


class QueuedClient:
    """The :class:`~bot.voice.browser.client.ChatClient` of a WebSocket: a queue, and a task that sends what is in it.

    A client that reads too slowly is disconnected, when :data:`MAX_UNSENT_BYTES` wait for it. So a slow reader takes
    no more memory than that, and the rest of the program never waits for it.

    Create it with :meth:`open`.

    Attributes:
        websocket: the socket.
    """

    def __init__(self, websocket: web.WebSocketResponse, break_off: Callable[[], None]) -> None:
        self.websocket = websocket
        self._break_off = break_off
        self._queue: deque[str | bytes] = deque()
        self._unsent = 0
        self._more = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._waiting: asyncio.Timeout | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    @classmethod
    async def open(cls, request: web.Request, max_message: int) -> Self:
        """Accept a WebSocket.

        Args:
            max_message: the longest message of the client, in bytes.
        """
        # Sound compresses badly, so compression would only cost time. It also lets a short message become a long one.
        websocket = web.WebSocketResponse(
            compress=False,
            max_msg_size=max_message,
            heartbeat=HEARTBEAT_SECONDS,
            timeout=CLOSE_LIMIT,
            autoping=False,
        )
        await websocket.prepare(request)
        _bound_buffers(request)
        return cls(websocket, partial(break_off, request))

    def send(self, message: ServerMessage) -> None:
        """Queue a message."""
        self.put(message.to_json())

    def send_sound(self, pcm: bytes) -> None:
        """Queue sound."""
        self.put(pcm)

    def drop_unsent(self) -> None:
        """Drop what is queued."""
        self._unsent -= sum(map(len, self._queue))
        self._queue.clear()

    def close(self, code: int, reason: str) -> None:
        """Close the socket when everything queued has been sent. A second call does nothing."""
        if self._closing is None:
            self._closing = code, reason
            self._more.set()
            if self._waiting is not None:
                self._waiting.reschedule(asyncio.get_running_loop().time())

    @property
    def closing(self) -> bool:
        """Whether :meth:`close` was called, or the client read too slowly. From then on, its messages are ignored."""
        return self._closing is not None

    def put(self, data: str | bytes) -> None:
        """Queue text or bytes. After :meth:`close`, they are dropped."""
        if self._closing is not None:
            return
        self._queue.append(data)
        self._unsent += len(data)
        self._more.set()
        if self._unsent > MAX_UNSENT_BYTES:
            _log.info("A client of a WebSocket reads too slowly, and is disconnected")
            self._closing = CloseCode.TRY_LATER, "too slow"
            self._queue.clear()
            self._break_off()

    async def receive(self) -> aiohttp.WSMessage | None:
        """Wait for the client's next message. Returns ``None`` after :meth:`close`, and when the client is gone.

        Pings are answered and returned, as :func:`~web_access.socket_messages.next_message` says.

        While this waits, aiohttp would not close the socket properly: it would break off the connection right after its
        close message, and a client that still sends sound would not learn the code. So :meth:`close` ends the wait.
        """
        if self._closing is not None:
            return None
        self._idle.clear()
        try:
            async with asyncio.timeout(None) as self._waiting:
                message = await next_message(self.websocket)
        except TimeoutError:
            return None
        finally:
            self._waiting = None
            self._idle.set()
        return None if self._closing is not None else message

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send what is queued while the block runs. If :meth:`close` was called, this waits until the socket is closed.

        Raises nothing if sending fails; the client is gone then.
        """
        sending = asyncio.create_task(self._send(), name="websocket: send")
        try:
            yield
            if self.closing:
                await asyncio.wait([sending], timeout=2 * CLOSE_LIMIT)
        finally:
            sending.cancel()
            (failed,) = await asyncio.gather(sending, return_exceptions=True)
            if isinstance(failed, Exception) and not isinstance(failed, ConnectionError):
                _log.error("Could not send to a client of a WebSocket", exc_info=failed)

    async def _send(self) -> None:
        """Send what is queued, until :meth:`close` or until the client is gone. Then close the socket."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._queue:
                data = self._queue.popleft()
                # The data stay counted until the socket has taken them, because they are in memory until then.
                await (self.websocket.send_str(data) if isinstance(data, str) else self.websocket.send_bytes(data))
                self._unsent -= len(data)
            if self._closing is not None:
                code, reason = self._closing
                await self._idle.wait()
                await self.websocket.close(code=code, message=reason.encode()[:REASON_BYTES])
                return


def _bound_buffers(request: web.Request) -> None:
    """Limit the data that wait in the kernel and in the event loop, so that a slow reader is noticed soon.

    What a client sends is read in small pieces.
    """
    transport = request.transport
    if transport is None:
        return
    read_in_small_pieces(transport)
    transport.set_write_buffer_limits(KERNEL_BUFFER_BYTES)
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)


def break_off(request: web.Request) -> None:
    """Disconnect a client at once."""
    if request.transport is not None:
        request.transport.abort()
