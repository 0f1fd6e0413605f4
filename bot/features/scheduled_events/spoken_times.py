"""Converts times in words ("monday and friday 6pm", "weekdays at 8:30") to five cron fields. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from bot.times_of_day import AM_OR_PM, TIME_OF_DAY, WORDS_OF_TIME, TimesError, hour_and_minute, weekday
from config.spelling import nearest

_GROUPS: Mapping[str, str] = MappingProxyType(
    {"day": "*", "daily": "*", "weekday": "mon-fri", "workday": "mon-fri", "weekend": "sat,sun"}
)
_UNITS: Mapping[str, int] = MappingProxyType({"minute": 60, "min": 60, "hour": 24})
"""Units of intervals, and how many of them fit into the next larger unit."""
_TOO_SHORT = frozenset({"second", "sec", "moment"})
_TOO_LONG = frozenset({"week", "fortnight", "month", "quarter", "year"})
_WRITTEN_IN_FULL = (
    *("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"),
    *("daily", "weekdays", "weekends", "hourly"),
)
_TOKEN = re.compile(r"\s*([,&+]|[^\s,&+]+)")
_BEFORE_DAYS = frozenset({"every", "each", "on"})
_SHOWN = 30
"""Maximum number of characters of an unknown word in an error message."""
_AND = frozenset({",", "and", "&", "+"})
_ONCE = frozenset({"today", "tonight", "tomorrow", "now", "in", "next"})


def take_spoken_times(text: str) -> tuple[str, str] | None:
    """Split ``text`` into the times in words at its beginning and the rest.

    A time without a day means every day.

    Returns:
        five cron fields and the rest; ``None`` if the text does not begin with a day or time.

    Raises:
        TimesError: the text begins with a day or time, but not with a complete time that repeats.
    """
    reader = _Reader(text)
    if reader.peek() in _ONCE:
        raise TimesError(f"`{reader.peek()}` comes only once, and the schedule is for things that repeat")
    interval = reader.interval()
    if interval is not None:
        return interval, reader.rest()
    days = reader.days()
    time = reader.time()
    if days and time is None:
        raise TimesError(reader.wrong_day() or "there is no time after the day")
    if time is None:
        return None
    if not days:
        days = reader.days(only_announced=True) or ["*"]
    hour, minute = time
    return f"{minute} {hour} * * {'*' if '*' in days else ','.join(dict.fromkeys(days))}", reader.rest()


def not_a_time(text: str) -> str:
    """Why ``text`` does not begin with times, for an error message.

    Call this function only if :func:`take_spoken_times` returned ``None``.
    """
    reader = _Reader(text)
    return reader.wrong_day() or reader.wrong_time() or "it needs five fields, or a day and a time"


class _Reader:
    """Reads words of times from the beginning of a text.

    :meth:`days`, :meth:`interval` and :meth:`time` move the reading position only if they find such words there.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def peek(self) -> str:
        """The next word in lower case, without reading it; "" at the end."""
        token = _TOKEN.match(self._text, self._at)
        return token[1].lower() if token is not None else ""

    def rest(self) -> str:
        """The text that was not read."""
        return self._text[self._at :].lstrip(", ").strip()

    def days(self, *, only_announced: bool = False) -> list[str]:
        """Read days, each as a cron field.

        With ``only_announced``, the days must begin with "every", "each", "on" or "daily".
        """
        begin = self._at
        announced = self._take(_BEFORE_DAYS)
        found = self._day() if announced or self.peek() == "daily" or not only_announced else None
        if found is None:
            self._at = begin
            return []
        days = [found]
        while True:
            end = self._at
            if not self._take(_AND):
                return days
            self._take(_BEFORE_DAYS)
            another = self._day()
            if another is None:
                self._at = end
                return days
            days.append(another)

    def interval(self) -> str | None:
        """Read "every 5 minutes", "every hour" or "hourly". Returns five cron fields."""
        begin = self._at
        if self.peek() == "hourly":
            self._next()
            return "0 * * * *"
        count = self._count() if self._take(_BEFORE_DAYS) else 1
        unit = self.peek().removesuffix("s")
        if self._at > begin and unit in _TOO_SHORT and (count != 1 or self.peek() != unit):
            # The condition leaves out "every second monday", which is not an interval of seconds.
            raise TimesError("a minute is the shortest time between two posts: `every 5 minutes`")
        if self._at > begin and unit in _TOO_LONG:
            raise TimesError(
                f"a {unit} is too long: write `monday 18:00` for every week, `0 18 1 * *` for the first of every month"
            )
        if count is None or unit not in _UNITS or self._at == begin:
            self._at = begin
            return None
        named = self._next()
        whole = _UNITS[unit]
        if not 0 < count <= whole or whole % count:
            fitting = ", ".join(str(number) for number in range(1, whole + 1) if whole % number == 0)
            larger = "an hour" if whole == 60 else "a day"
            raise TimesError(f"`{count} {named}` do not fit evenly into {larger}. These do: {fitting}")
        every = "0" if count == whole else f"*/{count}" if count > 1 else "*"
        return f"{every} * * * *" if whole == 60 else f"0 {every} * * *"

    def _count(self) -> int | None:
        """Read a number; 1 if there is none, ``None`` if it is not valid."""
        word = self.peek()
        if not word[:1].isdigit():
            return 1
        self._next()
        return int(word) if re.fullmatch(r"\d{1,4}", word) else None

    def wrong_day(self) -> str | None:
        """An error text if the next word looks like a misspelt day."""
        self._take(_BEFORE_DAYS | _AND)
        word = self.peek()
        near = nearest(word, _WRITTEN_IN_FULL) if word.isalpha() and self._day() is None else None
        return f"`{word}` is not a day (did you mean `{near}`?)" if near is not None else None

    def wrong_time(self) -> str | None:
        """An error text that says why the next word is not a time; ``None`` if there is no next word."""
        self._take(_BEFORE_DAYS | {"at"})
        word = self.peek()
        if re.fullmatch(r"1?\d|2[0-3]", word):
            return f"`{word}` alone is not a time of day, but `{word}:00` is"
        shown = word[:_SHOWN].replace("`", "'")
        return f"`{shown}` is neither a day nor a time" if word else None

    def time(self) -> tuple[int, int] | None:
        """Read a time of day: hour and minute."""
        begin = self._at
        self._take(frozenset({",", "at"}))
        word = self.peek()
        if word in WORDS_OF_TIME:
            self._next()
            return WORDS_OF_TIME[word]
        found = TIME_OF_DAY.fullmatch(word)
        if found is not None:
            self._next()
            am_or_pm = found["am_or_pm"] or ""
            if not am_or_pm and AM_OR_PM.fullmatch(self.peek()):
                am_or_pm = self._next()
            if found["minute"] or am_or_pm:
                return hour_and_minute(f"{word}", int(found["hour"]), int(found["minute"] or 0), am_or_pm)
        self._at = begin
        return None

    def _day(self) -> str | None:
        group = _GROUPS.get(self.peek()) or _GROUPS.get(self.peek().removesuffix("s"))
        if group is not None:
            self._next()
            return group
        names = [weekday(name) for name in self.peek().split("-")]
        known = [name for name in names if name is not None]
        if len(names) > 2 or len(known) < len(names):
            return None
        self._next()
        end = self._at
        if len(known) == 1 and self._take(frozenset({"to"})):
            last = weekday(self.peek())
            if last is None:
                self._at = end
            else:
                self._next()
                known.append(last)
        return "-".join(known)

    def _take(self, words: frozenset[str]) -> bool:
        """Read all following words that are in ``words``. Returns whether there were any."""
        begin = self._at
        while self.peek() in words:
            self._next()
        return self._at > begin

    def _next(self) -> str:
        word, token = self.peek(), _TOKEN.match(self._text, self._at)
        if token is not None:
            self._at = token.end()
        return word
