"""A TCP proxy that holds, slows down, garbles and cuts what goes through it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from types import TracebackType
from typing import Self

from sandbox.held_port import hold_port, port_of
from sandbox.tls import LocalAuthority

PIECE = 19_200
"""Greatest number of bytes that pass at once: 0.1 s of the speech server's sound."""
_HOST = "127.0.0.1"
_AT_ONCE = struct.pack("ii", 1, 0)

Change = Callable[[bytes], bytes]


def without_quotes(data: bytes) -> bytes:
    """Make JSON unreadable. The framing of HTTP and of WebSockets stays as it is."""
    return data.replace(b'"', b"'")


def noise(data: bytes) -> bytes:
    """Make everything unreadable."""
    return bytes(each ^ 0x15 for each in data)


class TcpProxy:
    """Stands in front of one server on loopback. Use it as an async context manager, on one event loop.

    Args:
        server: the port of the server.
        authority: for a server with TLS, so that the proxy can read what is inside.

    Attributes:
        port: the proxy's own port; the same after :meth:`cut` and :meth:`heal`.
    """

    def __init__(self, server: int, authority: LocalAuthority | None = None) -> None:
        self.port = 0
        self._server = server
        self._theirs = self._ours = None
        if authority is not None:
            self._theirs, self._ours = authority.client_context(), authority.server_context()
        self._held: socket.socket | None = None
        self._listening: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._pause = 0.0
        self._change: Change | None = None

    async def __aenter__(self) -> Self:
        self._held = hold_port()
        self.port = port_of(self._held)
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        if self._held is not None:
            self._held.close()
        self._flows.set()
        await asyncio.gather(*self._serving)

    def cut(self) -> None:
        """Reset every connection and refuse new ones, as if the server's process was killed."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for writer in self._open:
            _reset(writer)

    def hold(self) -> None:
        """Let nothing through, either way. Connections stay open, and new ones are accepted."""
        self._flows.clear()

    def slow_down(self, pause: float) -> None:
        """Let each piece through only after so many seconds."""
        self._pause = pause

    def garble(self, change: Change) -> None:
        """Change all that the server sends."""
        self._change = change

    async def heal(self) -> None:
        """End all faults. What was held goes through now."""
        self._pause, self._change = 0.0, None
        self._flows.set()
        if self._listening is None:
            await self._listen()

    async def _listen(self) -> None:
        self._listening = await asyncio.start_server(self._serve, _HOST, self.port, ssl=self._ours)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self._open.add(writer)
        server: asyncio.StreamWriter | None = None
        try:
            answers, server = await self._connect()
            self._open.add(server)
            async with asyncio.TaskGroup() as both_ways:
                both_ways.create_task(self._pump(reader, server))
                both_ways.create_task(self._pump(answers, writer, from_server=True))
        except* (OSError, ssl.SSLError):
            pass
        finally:
            self._serving.discard(task)
            for each in (writer, server):
                if each is not None:
                    self._open.discard(each)
                    each.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        name = None if self._theirs is None else "localhost"
        return await asyncio.open_connection(_HOST, self._server, ssl=self._theirs, server_hostname=name)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, from_server: bool = False
    ) -> None:
        while data := await source.read(PIECE):
            await asyncio.sleep(self._pause)
            await self._flows.wait()
            sink.write(self._change(data) if self._change is not None and from_server else data)
            await sink.drain()
        # A TLS connection can't be closed in one direction.
        if sink.can_write_eof():
            sink.write_eof()
        else:
            sink.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as the kernel does when it kills a process that has not read everything."""
    # A TLS connection that is closing may not know its socket any more.
    if not writer.transport.is_closing():
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()
