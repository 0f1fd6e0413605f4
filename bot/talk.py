"""Builds the bot of ``python -m bot talk``: the core, the page and the telephone, without Discord."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.core import Core
from bot.core_parts import build_core
from bot.own_engines import Progress
from bot.phone import phone_parts
from bot.phone_calls import PhoneCalls
from bot.voice.events import Watcher
from bot.web import WebParts, web_parts
from config.settings import Settings


@dataclass(frozen=True, slots=True)
class PageApplication:
    """The running bot without Discord. Its attributes are the parts that callers and tests use."""

    core: Core
    web: WebParts
    phone: PhoneCalls | None
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Wait until :meth:`end` is called. The page is served already."""
        await self._ended.wait()

    async def end(self, *, restarting: bool = False) -> None:
        """End the current call, and refuse new ones; if ``restarting``, after the sentence that is being spoken."""
        if restarting:
            await self.core.end_sentences()
        await self.web.stop_accepting()
        if self.phone is not None:
            await self.phone.close()
        await self.core.end_calls()
        self._ended.set()


@asynccontextmanager
async def build_talk(
    settings: Settings, watchers: Sequence[Watcher], progress: Progress, when_warm: Callable[[], None] | None = None
) -> AsyncIterator[PageApplication]:
    """Build the core, serve the page and take phone calls. At the end, all parts are stopped in reverse order.

    Raises:
        The errors of :func:`~bot.core_parts.build_core`.
    """
    async with (
        build_core(settings, watchers, progress) as core,
        web_parts(core) as web,
        phone_parts(core, warms_up=when_warm is not None) as phone,
    ):
        core.begin()
        core.be_ready(web.url, when_warm)
        yield PageApplication(core, web, phone)
