"""Builds the bot's HTTP server from the parts of the core."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.core import Core
from bot.http.page import Page
from bot.http.server import WebServer


@asynccontextmanager
async def web_server(core: Core) -> AsyncIterator[WebServer]:
    """Serve the page while the block runs."""
    page = await asyncio.to_thread(Page.load)
    server = WebServer(core.settings.web, (), core.checks.state, page)
    try:
        await server.serve(core.listening)
        yield server
    finally:
        await server.close()
