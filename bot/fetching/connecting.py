"""The connections of the fetcher: only to addresses that were checked, and with small buffers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

import aiohttp
from aiohttp import StreamReader
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from typing_extensions import override

from bot.fetching.addresses import IPAddress
from bot.fetching.errors import FetchError

_MAX_INTERIM = 20
"""Maximum number of answers to one request: interim ones, such as "100 Continue", and the final one."""
_RECEIVE_BUFFER = 32 * 1024
"""Bytes that the system keeps for a connection. The library parses all of them at once. That takes long if a body comes
in pieces of one byte, so a larger buffer would hold up a call."""
_WRAPPING = 512 * 1024
"""A body as it is sent may have twice as many bytes as its content, and this many more. A body in pieces has a header
for each piece. Headers cost as much work as content, and without this limit, a body of hardly anything but headers
would never end."""
_ICY, _HTTP = b"ICY ", b"HTTP/1.0 "
"""How the answer of a Shoutcast server begins, and how HTTP begins the same answer."""


class FixedResolver(AbstractResolver):
    """Resolves every name to the addresses that were checked."""

    def __init__(self, addresses: Sequence[IPAddress]) -> None:
        self._addresses = addresses

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    @override
    async def close(self) -> None:
        pass


class BoundedResponse(aiohttp.ClientResponse):
    """A response that is given up if too many answers of the kind "100 Continue" come before it, or if its body is more
    wrapping than content.

    The library alone would parse any number of interim answers before the final one. Answers of Shoutcast servers,
    which the library does not know, are understood as well.
    """

    @override
    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        protocol, left = connection.protocol, _MAX_INTERIM
        if protocol is not None:
            read = protocol.read

            async def bounded() -> tuple[RawResponseMessage, StreamReader]:
                nonlocal left
                left -= 1
                if left < 0:
                    raise FetchError("its server sends no final answer")
                return await read()

            # The connection is for this response alone.
            protocol.read = bounded  # type: ignore[method-assign]
            receive = self._measured(_in_http(protocol.data_received))
            protocol.data_received = receive  # type: ignore[method-assign, assignment]
        return await super().start(connection)

    def _measured(self, receive: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """Hand on what comes. If most of it is wrapping instead of content, reading the body fails."""
        count = 0

        def received(data: bytes) -> None:
            nonlocal count
            count += len(data)
            receive(data)
            # The library bounds the head, which comes before there is a content.
            if self.content is None or count <= _WRAPPING + 2 * self.content.total_bytes:
                return
            if self.content.exception() is None:
                self.content.set_exception(FetchError("its server sends more overhead than content"))
            if self.connection is not None and self.connection.transport is not None:
                self.connection.transport.pause_reading()

        return received


def held_after_fault(content: StreamReader) -> bytes:
    """The bytes of a body that came before a fault and were not read yet.

    The library still has them in its buffer, but after a fault, reading only raises the fault.
    """
    content._exception = None
    return content.read_nowait()


def _in_http(receive: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Hand on the bytes of an answer. If it is a Shoutcast server's, its beginning is replaced by that of HTTP."""
    begin: bytes | None = b""

    def received(data: bytes) -> None:
        nonlocal begin
        if begin is not None:
            data = begin + data
            if len(data) < len(_ICY) and _ICY.startswith(data):
                begin = data
                return
            begin = None
            if data.startswith(_ICY):
                data = _HTTP + data.removeprefix(_ICY)
        receive(data)

    return received


def small_socket(info: aiohttp.AddrInfoType) -> socket.socket:
    """Make a socket with a receive buffer of :data:`_RECEIVE_BUFFER` bytes."""
    family, kind, protocol, *_ = info
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    return made
