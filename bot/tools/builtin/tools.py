"""The list of the tools that come with the bot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bot.fetching.fetcher import Fetcher
from bot.tools.builtin import clock as tell_time
from bot.tools.builtin import dice, drawing, last_picture, reminder_tools, web_page, web_search
from bot.tools.builtin.links import Links
from bot.tools.tool import Tool

BUILTIN_NAMES = frozenset(
    each.name
    for each in (
        *(tell_time.DESCRIPTION, dice.DESCRIPTION, web_search.DESCRIPTION, web_page.DESCRIPTION),
        *(reminder_tools.SET, reminder_tools.LIST, reminder_tools.CANCEL),
        *(last_picture.DESCRIPTION, drawing.DESCRIPTION),
    )
)
"""The names of the tools of this package. The file of tools may name them, even if a tool is not available now."""


def builtin_tools(
    *,
    clock: Callable[[], datetime],
    time_zones: Mapping[str, str],
    links: Links,
    fetcher: Fetcher,
    reminders: reminder_tools.ReminderBook,
    searxng_url: str | None = None,
) -> Sequence[Tool]:
    """The tools that every conversation can have. Those for pictures need Discord and are added by the bot on Discord.

    Args:
        clock: returns the current time in the people's time zone.
        time_zones: time zones by place, made by :func:`~bot.tools.builtin.time_zones.load_time_zones`.
        links: the addresses that may be read. Its method ``heard`` must be called for each turn of a person, as
            :class:`~bot.tools.toolset.Toolset` does.
        reminders: stores reminders and tells them.
        searxng_url: the base address of SearXNG; without one, the web can't be searched.
    """
    search = [web_search.SearchWeb(searxng_url, fetcher, links)] if searxng_url is not None else []
    return (
        tell_time.TellTime(clock, time_zones),
        dice.RollDice(),
        *reminder_tools.reminder_tools(reminders, clock),
        *search,
        web_page.ReadPage(fetcher, links),
    )
