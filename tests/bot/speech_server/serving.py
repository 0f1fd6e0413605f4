"""A WebSocket server in the test's own process. It plays the speech server to which a call connects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
from websockets.asyncio.server import Server, ServerConnection, serve

from bot.speech_server.address import ServerAddress
from bot.speech_server.events import SpeechEvent
from tests.timing import LIMIT

Handler = Callable[[ServerConnection], Awaitable[None]]
SOUND = np.full(4_800, 0.1, "<f4").tobytes()
"""A tenth of a second of sound."""


@asynccontextmanager
async def serving(handler: Handler, port: int = 0) -> AsyncIterator[tuple[Server, ServerAddress]]:
    """Serve each connection with ``handler``, on a free port unless one is given."""
    async with serve(handler, "127.0.0.1", port, close_timeout=0.2, ping_interval=None) as server:
        yield server, ServerAddress(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/stream")


async def take(events: AsyncGenerator[SpeechEvent, None], count: int) -> list[SpeechEvent]:
    """The next ``count`` events."""
    async with asyncio.timeout(LIMIT):
        return [await anext(events) for _ in range(count)]


async def stay(socket: ServerConnection) -> None:
    """A server that sends nothing."""
    await socket.wait_closed()


async def leave(socket: ServerConnection) -> None:
    """A server that closes the connection immediately."""
    await socket.close()
