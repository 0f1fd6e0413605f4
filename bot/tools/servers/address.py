"""The connection to an MCP server at an address (streamable HTTP), whose answers are bounded before they are parsed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bot.tools.servers.lines import MAX_LINE
from bot.tools.tools_file import HttpServer

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS = 10.0
READ_SECONDS = 300.0
"""Seconds without a byte after which a stream of events ends. The library opens a new one."""


@asynccontextmanager
async def web_streams(server: HttpServer) -> AsyncIterator[tuple[Any, Any]]:
    """The streams of messages from and to the server. Nothing is sent before the first message."""
    import httpcore2
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    # The module pacing imports httpcore2, whose import takes long, so it is imported only here, too.
    from bot.tools.servers.pacing import PacedBackend

    transport = httpx2.AsyncHTTPTransport()
    # No public argument of httpx2 takes a backend for the connections.
    transport._pool = httpcore2.AsyncConnectionPool(
        ssl_context=httpx2.create_ssl_context(trust_env=False), network_backend=PacedBackend()
    )
    client = httpx2.AsyncClient(
        headers=dict(server.headers),
        timeout=httpx2.Timeout(CONNECT_SECONDS, read=READ_SECONDS),
        transport=_bounded(transport),
        trust_env=False,
    )
    # The server is not told that the session ends: a server that hangs would hold up that end.
    streams = streamable_http_client(
        server.url, http_client=client, terminate_on_close=False, max_sse_event_size=MAX_LINE
    )
    async with client, streams as opened:
        yield opened


def _bounded(inner: httpx2.AsyncBaseTransport) -> httpx2.AsyncBaseTransport:
    """A transport that breaks off an answer of more than :data:`MAX_LINE` bytes, unless it is a stream of events."""
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        def __init__(self, stream: httpx2.AsyncByteStream) -> None:
            self._stream = stream

        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = MAX_LINE
            async for piece in self._stream:
                left -= len(piece)
                if left < 0:
                    raise httpx2.StreamError("its answer is too large")
                yield piece

        async def aclose(self) -> None:
            await self._stream.aclose()

    class BoundedTransport(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            kind = response.headers.get("content-type", "")
            if not kind.lower().startswith("text/event-stream") and isinstance(response.stream, httpx2.AsyncByteStream):
                response.stream = Bounded(response.stream)
            return response

        async def aclose(self) -> None:
            await inner.aclose()

    return BoundedTransport()
