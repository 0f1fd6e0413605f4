"""Connections to web servers that leave most of the processor to the call, whatever the servers send.

The library reads as fast as a server sends, and parses all of it: empty answers before the answer ("100 Continue"),
events, messages. A flood of them would take a whole core.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable
from typing import Any

from httpcore2 import AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream
from typing_extensions import override

_PIECE = 8 << 10
"""Maximum number of bytes that are read, and then parsed, at once."""
_SHARE = 0.1
"""Largest part of the event loop's time that a server's data may take."""
_SLICE = 0.003
"""After this many seconds of processor time, reading pauses, so that :data:`_SHARE` is kept."""
_MAX_REST = 0.25
"""Longest rest, in seconds. It is bounded because other parts of the program may have used the processor time."""


class PacedBackend(AsyncNetworkBackend):
    """Opens paced connections."""

    def __init__(self) -> None:
        self._inner = AnyIOBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        opened = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return _PacedStream(opened)

    @override
    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _PacedStream(AsyncNetworkStream):
    def __init__(self, inner: AsyncNetworkStream) -> None:
        self._inner = inner
        self._came = time.thread_time()
        self._busy = 0.0  # processor time that has not been rested for yet

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        # What the thread has done since the last piece came was mostly the work that the piece made.
        self._busy += time.thread_time() - self._came
        if self._busy > _SLICE:
            await asyncio.sleep(min(self._busy / _SHARE, _MAX_REST))
            self._busy = 0.0
        waiting = time.monotonic()
        try:
            return await self._inner.read(min(max_bytes, _PIECE), timeout)
        finally:
            # Waiting for a slow server is a rest, too.
            self._busy = max(0.0, self._busy - _SHARE * (time.monotonic() - waiting))
            self._came = time.thread_time()

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._inner.write(buffer, timeout)
        # What is done before an answer comes does not count as the answer's work.
        self._came = time.thread_time()

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()

    @override
    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> AsyncNetworkStream:
        return _PacedStream(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
