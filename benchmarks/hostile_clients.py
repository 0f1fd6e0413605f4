"""Hostile clients of a bot's page: requests, half-open connections and sockets, more than two hundred in a round."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, closing, suppress
from typing import Protocol

import aiohttp

from benchmarks.errors import MeasurementError
from benchmarks.hostile_requests import hostile_requests

SECRET = "correct horse"
"""The token of the bot's page. The sockets send it. Requests send it only in ways that have to be refused."""
HALF_OPEN = 50
"""Number of connections that send the beginning of a request, and then a letter now and then."""
AT_ONCE = 12
"""Number of clients at once. More than 32 sockets at once would be refused only because there are so many."""
DRIP = 1.0
"""Seconds between two letters of a slow sender."""
ANSWER_LIMIT = 60.0
NUMBERS = ("NaN", "Infinity", "-1e999", "9" * 400)
"""Numbers in messages that no client may send."""
SENTENCES = ("null", "[", '{"type": 1}', '{"type": "text", "text": 7}', '{"type": "answer", "question": [[]]}')


class Beset(Protocol):
    """A bot that hostile clients beset: its page and its memory."""

    @property
    def page(self) -> str:
        """The page's address."""
        ...

    def memory(self) -> int:
        """The bytes that the bot holds."""
        ...


class HostileClients:
    """Sends all hostile inputs, one round after another, until cancelled. It can be the ``company`` of a
    :class:`~benchmarks.reply_measurement.ReplyMeasurement`.

    Args:
        pause: seconds between two batches of :data:`AT_ONCE` clients.

    Attributes:
        refused: how many inputs were refused, or ended, so far.
        memory: the bytes that the bot's process held before the first round and after each.
    """

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self.refused = 0
        self.memory: list[int] = []

    async def __call__(self, call: Beset) -> None:
        """Send hostile input until cancelled.

        Raises:
            MeasurementError: something was neither refused nor ended.
        """
        port = int(call.page.rstrip("/").rpartition(":")[2])
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(
                aiohttp.ClientSession(headers={"Authorization": f"Bearer {SECRET}"})
            )
            slow = asyncio.create_task(_send_slowly(port), name="slow senders")
            stack.callback(slow.cancel)
            inputs = _inputs(port, session, f"{call.page}ws/chat")
            self.memory.append(call.memory())
            while True:
                for first in range(0, len(inputs), AT_ONCE):
                    batch = inputs[first : first + AT_ONCE]
                    async with asyncio.timeout(ANSWER_LIMIT):
                        await asyncio.gather(*(each() for each in batch))
                    self.refused += len(batch)
                    await asyncio.sleep(self._pause)
                self.memory.append(call.memory())


def _inputs(port: int, session: aiohttp.ClientSession, url: str) -> Sequence[Callable[[], Awaitable[None]]]:
    """One round. Each input raises if it is neither refused nor ended."""

    def socket(*messages: str | bytes) -> Callable[[], Awaitable[None]]:
        return lambda: _refused_socket(session, url, messages)

    def request(sent: bytes) -> Callable[[], Awaitable[None]]:
        return lambda: _refused_request(port, sent)

    hello = '{"type": "hello", "name": "Eve", "audio": {}}'
    numbers = [f'{{"type": "played", "reply": "r1", "ms": {number}}}' for number in NUMBERS]
    return [
        *(request(each) for each in hostile_requests(SECRET)),
        # A call is on already, on Discord, so nobody gets a call here.
        *[socket(hello)] * 20,
        *(socket(message) for message in (*numbers, *SENTENCES) for _ in range(3)),
        # Sound faster than time, a message that is too large, and a flood of nonsense.
        *[socket(*[bytes(640)] * 3_000)] * 3,
        *[socket(bytes(2_000_000))] * 3,
        *[socket(*['{"type": "nonsense"}'] * 200)] * 3,
    ]


async def _refused_request(port: int, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        writer.write(sent)
        # A WebSocket that is refused gets an error as its first message.
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status = int(head.split()[1])
        refused = 400 <= status < 500 or (status == 101 and b'"type": "error"' in await reader.read(65_536))
    if not refused:
        raise MeasurementError(f"this request was not refused (status {status}): {sent[:200]!r}")


async def _refused_socket(session: aiohttp.ClientSession, url: str, messages: Iterable[str | bytes]) -> None:
    async with session.ws_connect(url) as socket:
        with suppress(ConnectionError):
            for message in messages:
                await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_str(message))
        async for said in socket:
            if '"type": "error"' in str(said.data):
                return
        if socket.close_code is None:
            raise MeasurementError("a socket was neither refused nor ended")


async def _send_slowly(port: int) -> None:
    """Hold half-open connections, each of which gets another letter now and then, and is opened again when it ends."""
    writers: list[asyncio.StreamWriter] = []
    try:
        while True:
            writers = [each for each in writers if not each.is_closing()]
            while len(writers) < HALF_OPEN:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
                writers.append(writer)
            for writer in writers:
                writer.write(b"x")
            await asyncio.sleep(DRIP)
    finally:
        for writer in writers:
            writer.close()
