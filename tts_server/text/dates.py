"""Spells dates and times: ``2026-11-21``, ``21.11.2026``, ``November 21, 2026``, ``14:30``, ``14:30–15:00``."""

from __future__ import annotations

import re

from tts_server.text.lexicon import any_of
from tts_server.text.lexicon_schema import Clock, Dates
from tts_server.text.number_words import NumberWords

_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_YEAR_FIRST = re.compile(r"(?<![\w./-])([12][0-9]{3})([-./])([01][0-9])\2([0-3][0-9])(?![\w/-]|\.[0-9])")
_YEAR_LAST = re.compile(r"(?<![\w./-])([0-3]?[0-9])([./-]) ?([0-3]?[0-9])\2 ?([12][0-9]{3})(?![\w/-]|\.[0-9])")
_YEAR = r"([12][0-9]{3})(?!\w|[.,:/-][0-9])"
_DAY = r"([0-3]?[0-9])"
_NOON = 12
_TEN = 10


class TimeRule:
    """Spells times of day in one language.

    Args:
        clock: how the language tells the time.
        words: the language's number words.
        to: the word between two times, such as "to"; ``None`` if it is unknown. The dash between them then stays.
    """

    def __init__(self, clock: Clock, words: NumberWords, to: str | None) -> None:
        self._clock = clock
        self._words = words
        self._to = to
        time = rf"([01]?[0-9]|2[0-3]) ?(?:{any_of(clock.signs)}) ?([0-5][0-9])"
        after = rf"(?: ?(?:{any_of(clock.after)})(?!\w))?" if clock.after else ""
        self._range = re.compile(rf"(?<![\w:.,]){time}{after} ?[–-] ?{time}{after}(?![\w:])")
        self._time = re.compile(rf"(?<![\w:.,]){time}{after}(?![\w:])")

    def spell(self, text: str) -> str:
        """Replace every time of day by words."""
        if self._to:
            text = self._range.sub(lambda m: f"{self._say(m[1], m[2])} {self._to} {self._say(m[3], m[4])}", text)
        return self._time.sub(lambda match: self._say(match[1], match[2]), text)

    def _say(self, hours: str, minutes: str) -> str:
        clock, number = self._clock, int(hours)
        hour = clock.hours[number] if clock.hours else self._words.cardinal(str(number), clock.gender)
        if int(minutes) == 0:
            full = clock.full if 0 < number <= _NOON else clock.full_after_noon or clock.full
            if full:
                return full.format(hour=hour)
        minute = self._words.cardinal(str(int(minutes)))
        if int(minutes) < _TEN and clock.small:
            minute = f"{clock.small} {minute}"
        return clock.time.format(hour=hour, minute=minute)


class DateRule:
    """Spells dates in one language.

    Args:
        dates: how the language says dates.
        words: the language's number words.
        region: the region subtag, such as ``gb``, or an empty string; it decides the order of day and month in dates
            that are written in digits alone.
    """

    def __init__(self, dates: Dates, words: NumberWords, region: str) -> None:
        self._dates = dates
        self._words = words
        self._month_first = dates.month_first and region not in dates.day_first_regions
        lists = (dates.months, dates.short_months or ())
        self._months = {name: place for names in lists for place, name in enumerate(names, 1)}
        self._months |= {name.capitalize(): place for name, place in self._months.items()}
        name = any_of(self._months)
        year_word = rf"(?: (?:{any_of(dates.year_words)})(?!\w))?" if dates.year_words else ""
        self._day_month = re.compile(
            rf"(?<![\w./,-]){_DAY}(?:st|nd|rd|th|\.)? (?:of )?({name})(?!\w)\.?(?:,? {_YEAR}{year_word})?"
        )
        self._month_day = re.compile(rf"(?<!\w)({name})\.? {_DAY}(?:st|nd|rd|th)?(?!\w|[.,:/-][0-9])(?:,? {_YEAR})?")

    def spell(self, text: str) -> str:
        """Replace every date by words."""
        text = _YEAR_FIRST.sub(lambda match: self._in_figures(match, match[4], match[3], match[1]), text)
        text = _YEAR_LAST.sub(self._year_last, text)
        if self._dates.month_day:
            text = self._month_day.sub(
                lambda match: self._say(match, int(match[2]), self._months[match[1]], match[3], self._dates.month_day),
                text,
            )
        if self._dates.days or self._dates.day == "ordinal":
            text = self._day_month.sub(
                lambda match: self._say(match, int(match[1]), self._months[match[2]], match[3], None), text
            )
        return text

    def _year_last(self, match: re.Match[str]) -> str:
        first, second = match[1], match[3]
        # A second number above 12 can only be the day in any language: 11/21/2026.
        if (self._month_first and match[2] == "/" and int(first) <= _NOON) or int(second) > _NOON:
            first, second = second, first
        return self._in_figures(match, first, second, match[4])

    def _in_figures(self, match: re.Match[str], day: str, month: str, year: str) -> str:
        return self._say(match, int(day), int(month), year, self._dates.month_day)

    def _say(self, match: re.Match[str], day: int, month: int, year: str | None, order: str | None) -> str:
        if not 1 <= month <= len(_DAYS) or not 1 <= day <= _DAYS[month - 1]:
            return match[0]
        name = self._dates.months[month - 1]
        date = (order or self._dates.day_month).format(day=self._day(match, day), month=name)
        return self._dates.with_year.format(date=date, year=self._year(int(year))) if year else date

    def _day(self, match: re.Match[str], day: int) -> str:
        if self._dates.days:
            return self._dates.days[day - 1]
        if day == 1 and self._dates.first:
            return self._dates.first
        before = match.string[: match.start()]
        ordinal = self._words.ordinal_after(day, before) if self._dates.day == "ordinal" else None
        return ordinal or self._words.cardinal(str(day))

    def _year(self, year: int) -> str:
        ordinal = self._words.ordinal(year, self._dates.year) if self._dates.year is not None else None
        return ordinal or self._words.year(year)
