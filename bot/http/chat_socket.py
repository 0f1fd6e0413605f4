"""``WS /ws/chat``: accepts the sockets of clients, and passes their messages to the browser calls service."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

import aiohttp
from aiohttp import web

from bot.browser_calls import BrowserCalls
from bot.browser_tab import Tab
from bot.voice.browser.client_messages import MAX_MESSAGE, MAX_SMALL_MESSAGE, MessageError, checked_sound, parse_client
from bot.voice.browser.server_messages import CloseCode, ErrorCode, Failure, ServerMessage
from web_access.socket_messages import TOO_MANY_MESSAGES, MessageRate, next_message, read_in_small_pieces

_log = logging.getLogger(__name__)

CHAT_PATH = "/ws/chat"
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

    Args:
        websocket: the socket, on which the handshake was done. It must not answer pings itself (``autoping=False``).
        break_off: disconnects the client at once.
    """

    def __init__(self, websocket: web.WebSocketResponse, break_off: Callable[[], None]) -> None:
        self._websocket = websocket
        self._break_off = break_off
        self._queue: deque[str | bytes] = deque()
        self._unsent = 0
        self._more = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._waiting: asyncio.Timeout | None = None
        self._idle = asyncio.Event()
        self._idle.set()

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
                message = await next_message(self._websocket)
        except TimeoutError:
            return None
        finally:
            self._waiting = None
            self._idle.set()
        return None if self._closing is not None else message

    async def run(self) -> None:
        """Send what is queued, until :meth:`close` or until the client is gone. Then close the socket."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._queue:
                data = self._queue.popleft()
                # The data stay counted until the socket has taken them, because they are in memory until then.
                await (self._websocket.send_str(data) if isinstance(data, str) else self._websocket.send_bytes(data))
                self._unsent -= len(data)
            if self._closing is not None:
                code, reason = self._closing
                await self._idle.wait()
                await self._websocket.close(code=code, message=reason.encode()[:REASON_BYTES])
                return


class ChatSocket:
    """The ``/ws/chat`` endpoint. Requests that may not use the server never arrive here.

    Args:
        calls: the browser calls service.
        clock: returns monotonic seconds.
    """

    def __init__(self, calls: BrowserCalls, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._calls = calls
        self._clock = clock

    @property
    def routes(self) -> Iterable[web.RouteDef]:
        """The route of this endpoint."""
        return [web.get(CHAT_PATH, self._serve)]

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        # Sound compresses badly, so compression would only cost time. It also lets a short message become a long one.
        websocket = web.WebSocketResponse(
            compress=False,
            max_msg_size=MAX_MESSAGE,
            heartbeat=HEARTBEAT_SECONDS,
            timeout=CLOSE_LIMIT,
            autoping=False,
        )
        await websocket.prepare(request)
        bound_buffers(request)
        await self._talk(QueuedClient(websocket, partial(break_off, request)))
        return websocket

    async def _talk(self, client: QueuedClient) -> None:
        """Talk with a client until one side closes the socket."""
        tab = self._calls.connect(client)
        sending = asyncio.create_task(client.run(), name="chat: send")
        try:
            await self._receive(client, tab)
            if client.closing:
                await asyncio.wait([sending], timeout=2 * CLOSE_LIMIT)
        finally:
            tab.gone()
            sending.cancel()
            (failed,) = await asyncio.gather(sending, return_exceptions=True)
            if isinstance(failed, Exception) and not isinstance(failed, ConnectionError):
                _log.error("Could not send to a client", exc_info=failed)

    async def _receive(self, client: QueuedClient, tab: Tab) -> None:
        rate, errors = MessageRate(self._clock), 0
        while (received := await client.receive()) is not None:
            if not rate.take():
                client.send(Failure(ErrorCode.SLOW_DOWN, TOO_MANY_MESSAGES))
                client.close(CloseCode.POLICY, TOO_MANY_MESSAGES)
                return
            try:
                await self._pass_on(received, tab)
                errors = 0
            except MessageError as error:
                client.send(Failure(error.code, str(error)))
                errors += 1
                if errors > MAX_ERRORS:
                    client.close(CloseCode.POLICY, TOO_MANY_ERRORS)

    @staticmethod
    async def _pass_on(received: aiohttp.WSMessage, tab: Tab) -> None:
        """Pass a message on; raises :class:`MessageError`."""
        if received.type is aiohttp.WSMsgType.BINARY:
            tab.hear(checked_sound(received.data))
        elif received.type is aiohttp.WSMsgType.TEXT:
            long = len(received.data) > MAX_SMALL_MESSAGE
            message = await asyncio.to_thread(parse_client, received.data) if long else parse_client(received.data)
            await tab.receive(message)


def bound_buffers(request: web.Request) -> None:
    """Limit the data that wait in the kernel and in the event loop, so that a slow reader is noticed soon.

    What a client sends is read in small pieces.
    """
    transport = request.transport
    if transport is None:
        return
    read_in_small_pieces(request)
    transport.set_write_buffer_limits(KERNEL_BUFFER_BYTES)
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)


def break_off(request: web.Request) -> None:
    """Disconnect a client at once."""
    if request.transport is not None:
        request.transport.abort()
