"""Runs the bot's client of a tools server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from bot.tools.servers.server import McpServer
from tests.timing import LIMIT


@asynccontextmanager
async def running(server: McpServer) -> AsyncIterator[McpServer]:
    """The client, once it has connected or has failed to. It ends with the block."""
    task = asyncio.create_task(server.run())
    try:
        async with asyncio.timeout(LIMIT):
            await server.settled()
        yield server
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
