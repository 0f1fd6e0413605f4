"""Times of day and weekdays in English words, as people write them: "6pm", "18:05", "noon", "tuesdays"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
WORDS_OF_TIME: Mapping[str, tuple[int, int]] = MappingProxyType({"noon": (12, 0), "midnight": (0, 0)})
TIME_OF_DAY = re.compile(r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?(?P<am_or_pm>[ap]\.?m\.?)?", re.ASCII)
AM_OR_PM = re.compile(r"[ap]\.?m\.?")
_DAY = re.compile(r"sun(day)?|mon(day)?|tue(s(day)?)?|wed(nesday)?|thu(r(s(day)?)?)?|fri(day)?|sat(urday)?")


class TimesError(ValueError):
    """The times are not valid. The text says what is wrong, for people."""


def weekday(word: str) -> str | None:
    """The weekday that a word in lower case means, as in :data:`WEEKDAYS`; ``None`` if it means none."""
    if _DAY.fullmatch(word) or _DAY.fullmatch(word.removesuffix("s")):
        return word[:3]
    return None


def hour_and_minute(written: str, hour: int, minute: int, am_or_pm: str) -> tuple[int, int]:
    """A time of day in 24 hours.

    Args:
        written: the time as it was written, for an error.
        am_or_pm: "am", "pm" or something like it; "" for a time in 24 hours.

    Raises:
        TimesError: there is no such time.
    """
    if minute > 59 or not (1 <= hour <= 12 if am_or_pm else hour <= 23):
        raise TimesError(f"`{written}` is not a time of day")
    if not am_or_pm:
        return hour, minute
    return hour % 12 + (12 if am_or_pm.startswith("p") else 0), minute
