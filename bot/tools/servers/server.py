"""An MCP server that is kept running: one task connects, reads its tools, and connects again if the connection ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from bot.text import enumerated, shorten
from bot.tools.results import clean_result
from bot.tools.servers.link import Link, LinkError, ListedTool, linked
from bot.tools.servers.program import ProgramError
from bot.tools.tool import ToolError
from bot.tools.tools_file import HttpServer, StdioServer
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

START_LIMIT = 60.0
"""Seconds in which a server must be connected and have listed its tools. ``npx`` may download it first."""
CALL_LIMIT = 300.0
"""Seconds that a call may take. Callers usually wait for a shorter time."""
SLOW_CALL = 20.0
"""If a call is given up after more seconds than this, the server may hang, so it is checked."""
CHECK_LIMIT = 5.0
"""Seconds in which a server that did not answer a call must list its tools. If it does not, the bot connects anew."""
PAUSES = (0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds before each new connection in a row. The last pause repeats."""
STABLE_AFTER = 60.0
"""If a connection held for more seconds than this, the next pause counts as the first one in a row."""
CHANGE_PAUSE = 2.0
"""Seconds from a change of a server's tools until they are read again. So a server can't keep the bot busy."""
MAX_TOOLS = 40
"""Maximum number of tools of one server that the model is told about."""

Connect = Callable[[StdioServer | HttpServer, Callable[[], None]], AbstractAsyncContextManager[Link]]


class McpServer:
    """One MCP server. Run :meth:`run` as a task; the rest can be used at any time.

    Args:
        wanted: names of tools that are kept first if the server has too many.
        connect: opens a connection.
    """

    def __init__(
        self, server: StdioServer | HttpServer, wanted: frozenset[str] = frozenset(), connect: Connect = linked
    ) -> None:
        self.name = server.name
        self._server = server
        self._wanted = wanted
        self._connect = connect
        self._link: Link | None = None
        self._tools: tuple[ListedTool, ...] = ()
        self._problem = "it is still starting"
        self._look_again = asyncio.Event()
        self._suspected = False
        self._settled = asyncio.Event()
        self._told: set[str] = set()

    @property
    def tools(self) -> tuple[ListedTool, ...]:
        """The server's tools. Empty while it is not connected."""
        return self._tools

    @property
    def problem(self) -> str | None:
        """Why the server can't be used now; ``None`` if it can."""
        return None if self._link is not None else self._problem

    async def settled(self) -> None:
        """Wait until the first attempt to connect has succeeded or failed."""
        await self._settled.wait()

    async def run(self) -> None:
        """Keep the connection open until cancelled."""
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            try:
                await self._connected()
            except Exception as error:
                # The library raises errors of many kinds, and groups of them; also in the place of a cancellation.
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise asyncio.CancelledError from error
                self._problem = _reason(error)
            self._link, self._tools = None, ()
            failures = 0 if loop.time() - began > STABLE_AFTER else failures + 1
            pause = PAUSES[min(max(failures - 1, 0), len(PAUSES) - 1)]
            _log.warning("The MCP server %s: %s. Next attempt in %.1f s", self.name, self._problem, pause)
            self._settled.set()
            await asyncio.sleep(pause)

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> str:
        """Call a tool, and return its result, which is not to be trusted.

        Raises:
            ToolError: the server is not connected, did not answer in time, or its answer can't be used.
        """
        link = self._link
        if link is None:
            raise ToolError(f"The server {self.name} can't be used now: it is not connected.")
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(CALL_LIMIT):
                return await link.call(tool, arguments)
        except asyncio.CancelledError:
            if loop.time() - began > SLOW_CALL:
                self._suspected = True
                self._look_again.set()
            raise
        except TimeoutError as error:
            self._suspected = True
            self._look_again.set()
            raise ToolError(f"The server {self.name} did not answer within {CALL_LIMIT:.0f} seconds.") from error
        except Exception as error:
            # The library raises errors of many kinds. The server may have written their texts: they are only logged.
            _log.warning("The MCP server %s failed in the tool %s: %s", self.name, clean_result(tool), _reason(error))
            if isinstance(self._server, HttpServer):
                self._suspected = True
                self._look_again.set()
            why = str(error) if isinstance(error, LinkError) else "the connection to it failed"
            raise ToolError(f"The server {self.name} could not run this tool: {why}.") from error

    async def _connected(self) -> None:
        """Connect, and follow the server's tools until the connection has ended."""
        self._look_again.clear()
        self._suspected = False
        async with asyncio.timeout(START_LIMIT) as limit, self._connect(self._server, self._look_again.set) as link:
            await self._read_tools(link)
            limit.reschedule(None)
            self._link = link
            self._settled.set()
            _log.info("The MCP server %s has %d tools", self.name, len(self._tools))
            while await self._must_look_again(link):
                async with asyncio.timeout(CHECK_LIMIT):
                    await self._read_tools(link)
            # Calls that begin now are refused at once.
            self._link, self._tools = None, ()
            words = link.last_words()
            self._problem = "it has ended" + (f". Its last words: {words}" if words else "")

    async def _must_look_again(self, link: Link) -> bool:
        """Wait until the tools must be read again, and return True; False if the server has ended."""
        waits = [asyncio.create_task(each.wait()) for each in (link.ended, self._look_again)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not link.ended.is_set() and not self._suspected:
                await asyncio.wait(waits[:1], timeout=CHANGE_PAUSE)
        finally:
            await end_tasks(*waits)
        self._look_again.clear()
        self._suspected = False
        return not link.ended.is_set()

    async def _read_tools(self, link: Link) -> None:
        listing = await link.list_tools()
        tools = listing.tools
        if listing.left_out:
            self._tell_once(f"these tools can't be used: {enumerated(listing.left_out[:10])}")
        if len(tools) > MAX_TOOLS:
            named = [each for each in tools if {each.name, f"{self.name}/{each.name}"} & self._wanted]
            others = [each for each in tools if each not in named]
            kept = {each.name for each in [*named, *others][:MAX_TOOLS]}
            tools = tuple(each for each in tools if each.name in kept)[:MAX_TOOLS]
            self._tell_once(
                f"of its {len(listing.tools)} tools, only {MAX_TOOLS} are used, first those listed under allow or ask"
            )
        self._tools = tools

    def _tell_once(self, text: str) -> None:
        if text not in self._told and len(self._told) < 100:
            self._told.add(text)
            _log.warning("The MCP server %s: %s", self.name, text)


def _reason(error: BaseException) -> str:
    """Why a connection failed, in one line."""
    first = _first(error)
    if isinstance(first, TimeoutError):
        return "it did not answer in time"
    text = str(first) if isinstance(first, ProgramError) else _kind(first)
    notes = [*getattr(error, "__notes__", ()), *getattr(first, "__notes__", ())]
    return text + (f". It says: {shorten(clean_result(notes[0]), 200)}" if notes else "")


def _kind(error: BaseException) -> str:
    """What went wrong, on one short line."""
    first = _first(error)
    text = " ".join(clean_result(str(first).partition("\n")[0]).split())
    return shorten(text, 120) or type(first).__name__


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return error
