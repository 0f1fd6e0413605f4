"""The real page on the bot's own HTTP server, with figures that a test decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from playwright.async_api import BrowserContext, Locator, Page

from bot.http.api.now import NowApi
from bot.http.page import Page as PageFiles
from bot.monitoring.prometheus import PrometheusMetrics
from bot.voice.metrics import ReplySoFar
from bot.voice.transport import EndCause, PacketCounts
from tests.bot.http.web_stage import WebStage, web_stage
from tests.bot.monitoring.figures import Figures
from tests.browser.conftest import LIMIT, errors_of


@dataclass(eq=False)
class StillCall:
    """Stands in for a call, with what the monitor reads of one. Nothing happens in it but what the test says.

    Attributes:
        conversation: whether a reply is being made, its timings so far, and the number of waiting prompts.
    """

    id: str = "c1"
    transport: Any = field(default_factory=lambda: SimpleNamespace(kind="browser", packets=PacketCounts()))
    conversation: Any = field(default_factory=lambda: SimpleNamespace(answering=False, waiting=0, reply_so_far=None))

    def reply(self, elapsed: float, **stages: float) -> None:
        """A reply is being made and has reached these stages."""
        self.conversation.answering = True
        self.conversation.reply_so_far = ReplySoFar("r1", elapsed, stages)

    def reply_ended(self) -> None:
        """No reply is being made any more."""
        self.conversation.answering, self.conversation.reply_so_far = False, None

    async def check(self) -> None: ...

    async def open(self) -> None: ...

    async def wait_lost(self) -> EndCause:
        return await asyncio.Future[EndCause]()

    async def close(self, cause: EndCause) -> None: ...


@dataclass(eq=False)
class NowPage:
    """The page in a browser, and the figures behind it."""

    figures: Figures
    web: WebStage
    page: Page
    errors: list[str]

    def at(self, name: str) -> Locator:
        """The element with a ``data-testid``."""
        return self.page.get_by_test_id(name)

    async def open(self) -> None:
        """Open the view."""
        await self.page.goto(self.web.url("/#now"))

    async def begin_call(self) -> StillCall:
        call: Any = StillCall()
        await self.figures.manager.start(call, reason="a test")
        self.figures.call()
        return call  # type: ignore[no-any-return]


@asynccontextmanager
async def now_page(context: BrowserContext, figures: Figures | None = None) -> AsyncIterator[NowPage]:
    """Serve the page while the block runs. A test fails if the page reports an error that the test does not expect."""
    figures = figures or Figures()
    api = NowApi(figures.monitor, PrometheusMetrics(figures.monitor))
    routes = [web.get("/api/now", api.show), web.get("/api/now/day", api.day)]
    files = await asyncio.to_thread(PageFiles.load)
    async with web_stage(page=files, routes=lambda: routes) as stage:
        page = await context.new_page()
        page.set_default_timeout(LIMIT)
        shown = NowPage(figures, stage, page, errors_of(page))
        try:
            yield shown
        finally:
            await page.close()
            await figures.manager.close()
        assert shown.errors == []
