"""Builds the bot's HTTP server and the browser calls behind it, from the core's parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.browser_calls import BrowserCalls
from bot.core import Core
from bot.http.chat_socket import ChatSocket
from bot.http.page import Page
from bot.http.server import WebServer
from bot.voice.browser.messages import Hello
from bot.voice.browser.people import BrowserPeople
from bot.voice.browser.transport import BrowserCall, BrowserTransport
from bot.voice.engines import LoadingReport

BROWSER = 0
"""The id under which the persona, mood and voice of browser calls are chosen. No Discord server has this id."""
BARGE_IN_NOBODY = "nobody"
"""The only value of ``BARGE_IN`` that makes a difference in a browser call, since one person is in it."""


@dataclass(frozen=True, slots=True)
class WebParts:
    """The HTTP server, and the service of browser calls."""

    server: WebServer
    calls: BrowserCalls

    @property
    def url(self) -> str:
        """The address of the page."""
        return self.server.url

    async def begin_nothing_new(self) -> None:
        """Take no further connections and begin no further calls, because the bot is being switched off."""
        self.server.refuse_connections()
        await self.calls.close()


@asynccontextmanager
async def web_parts(core: Core) -> AsyncIterator[WebParts]:
    """Serve the page while the block runs."""
    calls = browser_calls(core)
    core.call_ends.subscribe(calls.ended)
    page = await asyncio.to_thread(Page.load)
    server = WebServer(core.settings.web, ChatSocket(calls).routes, core.checks.state, page)
    try:
        await server.serve(core.listening)
        yield WebParts(server, calls)
    finally:
        await calls.close()
        await server.close()


def browser_calls(core: Core) -> BrowserCalls:
    """The service of browser calls. The caller must tell it when calls have ended (:meth:`BrowserCalls.ended`)."""

    def make_transport(hello: Hello) -> BrowserTransport:
        people = BrowserPeople(
            hello.name,
            admits=lambda person: not core.ignored.include(BROWSER, person),
            interrupts=core.settings.call.barge_in != BARGE_IN_NOBODY,
        )
        return BrowserTransport(people, hello)

    def make_call(transport: BrowserTransport, report: LoadingReport) -> BrowserCall:
        return core.calls.make(BrowserCall, transport, BROWSER, 1.0, report)

    settings = core.settings
    return BrowserCalls(
        core.manager,
        make_call,
        make_transport,
        core.consent,
        settings.command_prefix,
        enabled=settings.call.enabled,
    )
