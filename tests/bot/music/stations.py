"""A radio station on loopback. It sends a tone without an end, in the way in which real stations send music."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from types import TracebackType
from typing import Self

from tests.bot.music.hostile_files import encoded

LOOP_SECONDS, AHEAD_SECONDS, SLICE_SECONDS = 20.0, 3.0, 0.1
"""Seconds after which the programme begins again, seconds that are sent at once when somebody tunes in, and seconds of
each piece that is sent."""
METADATA_EVERY = 4_096
"""Bytes of sound between two titles."""
TITLE = "StreamTitle='A Night in Tunisia';"


class Station:
    """A station at :meth:`url`, an async context manager. It sends MP3 in real time to each listener.

    Args:
        pitch: the tone that it plays, in hertz.
        greets: the first line of its answer. Shoutcast says ``ICY 200 OK``.
        always_titles: whether it puts titles between the sound even for listeners who have not asked for titles.

    Attributes:
        on_air: while it is not set, the station sends nothing.
        listeners: the number of people who listen now.
        asked: the heads of all requests.
    """

    def __init__(self, pitch: float = 440.0, *, greets: str = "HTTP/1.0 200 OK", always_titles: bool = False) -> None:
        self.on_air = asyncio.Event()
        self.on_air.set()
        self.listeners = 0
        self.asked: list[str] = []
        self._programme = programme(pitch)
        self._greets = greets
        self._always_titles = always_titles
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self._closed = True
        self.on_air.set()
        await asyncio.gather(*self._tasks)

    def url(self, host: str = "localhost") -> str:
        """The address of the stream, with this name of its host."""
        return f"http://{host}:{self.port}/Jazz.mp3"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head)
            titles = self._always_titles or "icy-metadata: 1" in head.lower()
            metadata = (f"icy-metaint:{METADATA_EVERY}",) if titles else ()
            lines = (self._greets, "Content-Type: audio/mpeg", "icy-name:Jazz", "icy-br:128", *metadata, "", "")
            writer.write("\r\n".join(lines).encode())
            self.listeners += 1
            try:
                await self._play(titled(writer) if titles else sending(writer))
            finally:
                self.listeners -= 1
        except (ConnectionError, asyncio.IncompleteReadError):
            # The listener is gone.
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _play(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        clock = asyncio.get_running_loop().time
        size = round(len(self._programme) * SLICE_SECONDS / LOOP_SECONDS)
        due, at = clock() - AHEAD_SECONDS, 0
        while not self._closed:
            if not self.on_air.is_set():
                await self.on_air.wait()
                due = clock() - AHEAD_SECONDS
            await send(self._programme[at : at + size])
            at = at + size if at + size < len(self._programme) else 0
            due += SLICE_SECONDS
            await asyncio.sleep(max(0.0, due - clock()))


@cache
def programme(pitch: float) -> bytes:
    return encoded("mp3", "libmp3lame", LOOP_SECONDS, pitch=pitch)


def sending(writer: asyncio.StreamWriter) -> Callable[[bytes], Awaitable[None]]:
    async def send(sound: bytes) -> None:
        writer.write(sound)
        await writer.drain()

    return send


def titled(writer: asyncio.StreamWriter) -> Callable[[bytes], Awaitable[None]]:
    """Send sound with metadata after every :data:`METADATA_EVERY` bytes: a byte with its length in units of 16 bytes,
    and then the metadata.

    Only the first metadata have the title. The others are empty, as those of real stations are until the next title.
    """
    left, title = METADATA_EVERY, TITLE.encode()
    blocks = -(-len(title) // 16)
    metadata = bytes((blocks,)) + title.ljust(16 * blocks, b"\0")

    async def send(sound: bytes) -> None:
        nonlocal left, metadata
        while sound:
            piece, sound = sound[:left], sound[left:]
            left -= len(piece)
            writer.write(piece)
            if not left:
                writer.write(metadata)
                left, metadata = METADATA_EVERY, b"\0"
        await writer.drain()

    return send
