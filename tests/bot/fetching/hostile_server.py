"""A web server on loopback. A test chooses each byte of its answers, and sees the requests that came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def plain(body: bytes = b"hello", *headers: str, status: str = "200 OK") -> Answer:
    """An answer with a ``Content-Length``."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body)
        await writer.drain()

    return answer


def redirect(location: str, status: str = "302 Found") -> Answer:
    return plain(b"", f"Location: {location}", status=status)


class HostileServer:
    """The server, an async context manager. It closes each connection after one answer.

    Args:
        host: the address to listen on.

    Attributes:
        answers: the answer to each path. Other paths are not found.
        asked: the requests' heads, in order.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.port = 0
        self._host = host
        self._ended = asyncio.Event()

    def url(self, path: str = "/", host: str | None = None) -> str:
        """The URL of a path. Its host is ``host``, or the address on which the server listens."""
        return f"http://{host or self._host}:{self.port}{path}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._server.close()
        await self._server.wait_closed()

    async def until_ended(self) -> None:
        """Wait until the server is being ended."""
        await self._ended.wait()

    @property
    def ended(self) -> bool:
        """Whether the server is being ended, or has ended."""
        return self._ended.is_set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head)
            await self.answers.get(head.split()[1], plain(status="404 Not Found"))(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
