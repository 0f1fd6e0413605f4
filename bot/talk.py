"""The composition root of ``python -m bot talk``: builds the core and the page, without Discord."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.core import Core, build_core
from bot.own_engines import Progress
from bot.voice.events import Watcher
from bot.web import WebParts, web_parts
from config.settings import Settings


@dataclass(frozen=True, slots=True)
class PageApplication:
    """The parts of the running bot that callers and tests use."""

    core: Core
    web: WebParts
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Wait until :meth:`end` is called. The page is served already."""
        await self._ended.wait()

    async def end(self) -> None:
        """End the current call, and refuse new ones."""
        await self.web.stop_accepting()
        await self.core.end_calls()
        self._ended.set()


@asynccontextmanager
async def build_talk(
    settings: Settings, watchers: Sequence[Watcher], progress: Progress, when_warm: Callable[[], None] | None = None
) -> AsyncIterator[PageApplication]:
    """Build the core and serve the page. When the context ends, all parts are stopped in reverse order.

    Raises:
        The errors of :func:`~bot.core.build_core`.
    """
    async with build_core(settings, watchers, progress) as core, web_parts(core) as web:
        core.begin()
        core.be_ready(web.url, when_warm)
        yield PageApplication(core, web)
