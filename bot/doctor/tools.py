"""The doctor's checks of tools: it starts the MCP servers and counts their tools, and searches the web once."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bot.check_result import CheckResult
from bot.controls.music_tools import MUSIC_NAMES
from bot.controls.sound_tools import SOUND_NAMES
from bot.controls.tools import CONTROL_NAMES
from bot.fetching.fetcher import Fetcher
from bot.tools.builtin.links import Links
from bot.tools.builtin.web_search import SearchWeb
from bot.tools.registry import ToolRegistry
from bot.tools.tool import Asker, ToolError
from bot.tools.tools_file import ToolsFileError, read_tools_file, similar_file
from bot.tools.yes_no_words import YesNoWords, YesNoWordsError
from config.settings import Settings

LIMIT = 60.0
"""Seconds in which the servers must be ready. ``npx`` and ``uvx`` may download them first."""
MAX_LISTED = 30
"""Maximum number of tools that the doctor lists by name."""
_SUBJECT = "Tools"


async def check_tools(settings: Settings, limit: float = LIMIT) -> CheckResult:
    """Start all servers, and say how many tools they have, or what is wrong."""
    try:
        file = await asyncio.to_thread(read_tools_file, settings.tools_file)
        registry = ToolRegistry(
            file, await asyncio.to_thread(YesNoWords), elsewhere=CONTROL_NAMES | MUSIC_NAMES | SOUND_NAMES
        )
    except (ToolsFileError, YesNoWordsError) as error:
        return CheckResult(_SUBJECT, False, str(error))
    if not registry.servers:
        unknown = registry.unknown_names()
        if unknown:
            return CheckResult(_SUBJECT, False, unknown)
        meant = await asyncio.to_thread(similar_file, settings.tools_file)
        hint = f": there is no such file. Did you mean {meant}?" if meant is not None else ""
        return CheckResult(_SUBJECT, None, f"there are no MCP servers in {settings.tools_file}{hint}")
    running = asyncio.create_task(registry.run(), name="MCP servers")
    try:
        await registry.settled(limit)
        names = [each.description.name for each in registry.tools()]
        text, broken, unknown = registry.describe(), registry.has_problems, registry.unknown_names()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    if names:
        more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
        text = f"{text} ({', '.join(names[:MAX_LISTED])}{more})"
    if broken:
        return CheckResult(_SUBJECT, False, text)
    return CheckResult(_SUBJECT, not unknown, f"{text}; {unknown}" if unknown else text)


async def check_search(settings: Settings) -> CheckResult:
    """Search the web for a word."""
    url = settings.searxng_url
    if url is None:
        return CheckResult("Search", None, "SEARXNG_URL is not set: the web is not searched")
    nobody = Asker(None, "", "", 0)
    try:
        await SearchWeb(url, Fetcher(), Links()).run({"query": "hello"}, nobody)
    except ToolError as error:
        return CheckResult("Search", False, f"{url}: {error}")
    return CheckResult("Search", True, f"{url} answers")
