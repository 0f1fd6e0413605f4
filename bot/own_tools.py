"""Makes the language model's tools: the built-in ones, and those of the MCP servers in the operator's file."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from bot.controls.music_tools import MUSIC_NAMES
from bot.controls.sound_tools import SOUND_NAMES
from bot.fetching.fetcher import Fetcher
from bot.reminders.reminders import Reminders
from bot.tools.builtin.links import Links
from bot.tools.builtin.time_zones import load_time_zones
from bot.tools.builtin.tools import builtin_tools
from bot.tools.registry import ToolRegistry, ToolUsers, for_the_operator
from bot.tools.tool import Tool
from bot.tools.tools_file import read_tools_file, similar_file
from bot.tools.yes_no_words import YesNoWords
from config.settings import Settings

_log = logging.getLogger(__name__)


async def make_tools(
    settings: Settings, clock: Callable[[], datetime], reminders: Reminders, controls: Sequence[Tool]
) -> ToolRegistry:
    """Make the tools. No MCP server is started yet.

    If the operator's file is missing, and there is a file with a similar name, a warning names that file.

    Args:
        controls: the tools with which the model changes something about the bot.

    Raises:
        BrokenFileError: the operator's file cannot be read. The text says what to do.
    """
    if (meant := await asyncio.to_thread(similar_file, settings.tools_file)) is not None:
        file = settings.tools_file
        _log.warning("There is no file %s, so there are no MCP servers. Did you mean %s?", file, meant)
    links = Links()
    builtin = builtin_tools(
        clock=clock,
        time_zones=await asyncio.to_thread(load_time_zones),
        links=links,
        fetcher=Fetcher(),
        reminders=reminders,
        searxng_url=settings.searxng_url,
    )
    return ToolRegistry(
        await asyncio.to_thread(read_tools_file, settings.tools_file),
        await asyncio.to_thread(YesNoWords),
        [*builtin, *controls],
        links.heard,
        # This is for a bot without Discord: everybody on the page is the operator. A bot on Discord replaces `users`.
        users=ToolUsers(for_the_operator),
        # These tools exist only if there are folders of music and sounds. The operator's file may have rules for them
        # even if there are none.
        elsewhere=MUSIC_NAMES | SOUND_NAMES,
    )
