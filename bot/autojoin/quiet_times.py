"""Quiet hours: the hours of a day in which the bot does not join a voice channel automatically."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from typing import Self

from bot.times_of_day import TIME_OF_DAY, WORDS_OF_TIME, TimesError, hour_and_minute

_BETWEEN = re.compile(r"\s*(?:-|–|—|\bto\b|\buntil\b|\btill\b)\s*")
EXAMPLE = "23:00-07:00"
_MAX_SHOWN = 30
"""Maximum number of characters of a wrong time that are shown in the error."""


@dataclass(frozen=True, slots=True)
class QuietTimes:
    """The hours from ``start`` to ``end``, in which ``end`` itself is not included. They may go past midnight."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read two times of day: "23:00-07:00", "11pm to 7am".

        Raises:
            TimesError: these are not two different times of day. The text says what is wrong, for people.
        """
        parts = _BETWEEN.split(text.strip().lower())
        if len(parts) != 2:
            raise TimesError(f"it needs two times of day, as in `{EXAMPLE}`")
        start, end = map(_time, parts)
        if start == end:
            raise TimesError("the two times are the same")
        return cls(start, end)

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def include(self, moment: time) -> bool:
        """Whether a time of day is in the quiet hours."""
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


def _time(word: str) -> time:
    if (named := WORDS_OF_TIME.get(word)) is not None:
        return time(*named)
    found = TIME_OF_DAY.fullmatch(word.replace(" ", ""))
    if found is None:
        shown = word[:_MAX_SHOWN].replace("`", "'")
        raise TimesError(f"`{shown}` is not a time of day")
    return time(*hour_and_minute(word, int(found["hour"]), int(found["minute"] or 0), found["am_or_pm"] or ""))
