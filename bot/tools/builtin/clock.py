"""The tool ``tell_time``: date and time, here or elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bot.llm.prompts import date_and_time
from bot.llm.tools import ToolDescription
from bot.text import shorten
from bot.tools.builtin.time_zones import MAX_NAME, zone_of
from bot.tools.tool import Asker, ReadOnlyTool, ToolError, ToolResult

DESCRIPTION = ToolDescription(
    "tell_time",
    "Tells date, weekday and time: where the people are, or in a city, country or time zone.",
    {
        "type": "object",
        "properties": {
            "place": {
                "type": "string",
                "description": "A city, country or time zone in English: Tokyo, Europe/Paris, UTC+2. Leave it out for "
                "the people's own time.",
            }
        },
        "additionalProperties": False,
    },
)


class TellTime(ReadOnlyTool):
    """Tells the time.

    Args:
        clock: returns the current time in the people's time zone.
        time_zones: time zones by place, made by :func:`~bot.tools.builtin.time_zones.load_time_zones`.
    """

    description = DESCRIPTION

    def __init__(self, clock: Callable[[], datetime], time_zones: Mapping[str, str]) -> None:
        self._clock = clock
        self._time_zones = time_zones

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        """Tell the time in ``place``.

        Raises:
            ToolError: the place is not known.
        """
        place = str(arguments.get("place") or "").strip()
        now = self._clock()
        if not place:
            return ToolResult(f"It is {date_and_time(now)}.")
        zone = await asyncio.to_thread(zone_of, place, self._time_zones)
        if zone is None:
            raise ToolError(
                f"I know no time zone for {shorten(place, MAX_NAME)}. Name a large city in it, or a zone such as "
                "America/New_York or UTC+2."
            )
        there = now.astimezone(zone)
        return ToolResult(f"In {place} it is {date_and_time(there)}. Where the people are it is {date_and_time(now)}.")
