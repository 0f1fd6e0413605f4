"""Reads the messages of a WebSocket's client, and limits how many it may send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import WSMessage, WSMsgType, web

READ_BYTES = 16 * 1_024
"""Largest number of bytes that are read from a socket before the rest of the program can go on. asyncio would read 256
KB, which can be 40,000 pings."""
MESSAGES_A_SECOND = 150.0
"""Largest number of messages a second, over a longer time. Sound in pieces of 20 ms makes 50 messages a second."""
MAX_BURST = 1_500.0
"""Largest number of messages at once: half a minute of sound in pieces of 20 ms, after the network stood still."""
KEEPALIVE = (WSMsgType.PING, WSMsgType.PONG)
"""Messages that only show that the client is there."""
TOO_MANY_MESSAGES = "Too many messages in a short time."
_ENDS = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)
"""What aiohttp reports in place of a message when a socket is closed."""


class MessageRate:
    """Limits the number of messages of a client.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = MAX_BURST
        self._at = clock()

    def take(self, count: float = 1.0) -> bool:
        """Count a message, as ``count`` messages if it takes as long to read. Returns False if it is one too many."""
        now = self._clock()
        self._left = min(self._left + (now - self._at) * MESSAGES_A_SECOND, MAX_BURST) - count
        self._at = now
        return self._left >= 0


async def next_message(socket: web.WebSocketResponse) -> WSMessage | None:
    """The client's next message; ``None`` once the socket is closed.

    Pings are answered here, and returned: they count as messages, and mean nothing (:data:`KEEPALIVE`). aiohttp would
    answer thousands of them at once, before anything else in the program can go on.

    Args:
        socket: the socket, on which the handshake was done. It must not answer pings itself (``autoping=False``).
    """
    message = await socket.receive()
    if message.type is WSMsgType.PING:
        await socket.pong(message.data)
    return None if message.type in _ENDS else message


class ClientMessages:
    """Iterates over the messages of a client until its socket is closed, or until the client sends too many.

    Pings and pongs are counted and left out. All other messages are counted only on request, so that a client may send
    its texts as fast as it can.

    Args:
        socket: as for :func:`next_message`.
        clock: returns monotonic seconds.

    Attributes:
        too_many: whether the client has sent too many of the counted messages. The socket is to be closed then.
    """

    def __init__(self, socket: web.WebSocketResponse, clock: Callable[[], float]) -> None:
        self.too_many = False
        self._socket = socket
        self._rate = MessageRate(clock)

    def __aiter__(self) -> ClientMessages:
        return self

    async def __anext__(self) -> WSMessage:
        while not self.too_many and (message := await next_message(self._socket)) is not None:
            if message.type not in KEEPALIVE:
                return message
            self.count()
        raise StopAsyncIteration

    def count(self) -> None:
        """Count the message that came last. If it was one too many, no further one is read."""
        self.too_many |= not self._rate.take()


def read_in_small_pieces(transport: asyncio.BaseTransport | None) -> None:
    """Limit each read from a connection to :data:`READ_BYTES`."""
    if transport is not None and hasattr(transport, "max_size"):
        transport.max_size = READ_BYTES
