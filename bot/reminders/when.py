"""Reads when a reminder is due: "10 minutes", "half an hour", "18:30", "tomorrow 9am", "2026-12-24 18:00"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from types import MappingProxyType

from bot.times_of_day import AM_OR_PM, TIME_OF_DAY, WEEKDAYS, WORDS_OF_TIME, TimesError, hour_and_minute, weekday

MAX_CHARS = 100
"""Maximum number of characters of a time."""
MAX_AHEAD = timedelta(days=2 * 366)
"""A reminder must be due within this time from now."""
EXAMPLES = "10 minutes, 1 hour 30 minutes, 18:30, tomorrow 9am, friday 20:00, or 2026-12-24 18:00"
_MORNING, _EVENING = time(9), time(20)
"""The time of day that is meant by a day without a time, and the one that is meant by "tonight"."""

_SECONDS: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(("s", "sec", "second", "sekunde", "sekunden", "segundo", "seconde", "secondo", "secondi"), 1),
        **dict.fromkeys(("m", "min", "minute", "minuten", "minuto", "minuti", "минут", "минуту", "минуты"), 60),
        **dict.fromkeys(("h", "hr", "hour", "stunde", "stunden", "hora", "heure", "ora", "ore", "час", "часа"), 3_600),
        **dict.fromkeys(("d", "day", "tag", "tage", "tagen", "dia", "día", "jour", "giorno", "giorni"), 86_400),
        **dict.fromkeys(("w", "week", "woche", "wochen", "semana", "semaine"), 604_800),
    }
)
"""Units in English and some other languages, without an "s" at the end, and their seconds."""
_SMALL_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty")
_NUMBERS: Mapping[str, float] = MappingProxyType(
    {
        **{word: float(number) for number, word in enumerate(_SMALL_NUMBERS)},
        **{word: 10.0 * number for number, word in enumerate(_TENS, 2)},
        **dict.fromkeys(("a", "an"), 1.0),
    }
)
_PIECE = re.compile(r"(?P<number>\d{1,7}(?:[.,]\d{1,3})?)\s*(?P<unit>[^\W\d_]+)")
_ISO_DURATION = re.compile(r"pt?(?=\d)(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?")
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[t ,]+(?:at\s+)?(.*))?")
_OFFSET = re.compile(r"(z|[+-]\d{2}:?\d{2})$")
_SPACE = re.compile(r"(?:\s|,(?!\d))+")


@dataclass(frozen=True, slots=True)
class Due:
    """When a reminder is due.

    Attributes:
        at: seconds since 1970.
        timer: whether it is due after a duration, and not at a date and time.
    """

    at: float
    timer: bool


def read_when(written: str, now: datetime) -> Due:
    """Read a time.

    Args:
        written: the time in words.
        now: the current time in the people's time zone.

    Raises:
        TimesError: this is no time, it is over, or it is too far away. The text says why.
    """
    text = _SPACE.sub(" ", written[: MAX_CHARS + 1].lower()).strip(" .")
    if len(text) > MAX_CHARS:
        raise TimesError(f"a time has at most {MAX_CHARS} characters")
    for word in ("in ", "after ", "for ", "at ", "on ", "this ", "by "):
        text = text.removeprefix(word)
    seconds = _duration(text)
    if seconds is not None:
        if not 1 <= seconds <= MAX_AHEAD.total_seconds():
            raise TimesError("it must be between one second and two years away")
        return Due(now.timestamp() + seconds, timer=True)
    at = _moment(text, now).timestamp()
    if at <= now.timestamp():
        raise TimesError("that time is over")
    if at > now.timestamp() + MAX_AHEAD.total_seconds():
        raise TimesError("it must be between one second and two years away")
    return Due(at, timer=False)


def _duration(text: str) -> float | None:
    """The seconds of a duration; ``None`` if the text is no duration."""
    iso = _ISO_DURATION.fullmatch(text)
    if iso is not None:
        return float(sum(int(part or 0) * seconds for part, seconds in zip(iso.groups(), (3_600, 60, 1), strict=True)))
    total: float | None = None
    words = [word for word in text.replace("-", " ").split(" ") if word not in ("and", "und", "y", "et", "e", "of")]
    at = 0
    while at < len(words):
        number, at = _number(words, at)
        if number is None:
            return None
        unit, number, at = _unit(words, at, number)
        if unit is None:
            return None
        total = (total or 0.0) + number * unit
    return total


def _number(words: list[str], at: int) -> tuple[float | None, int]:
    """The number that begins at ``at``, and where it ends. A unit may be written at its end: "90s", "1h30m"."""
    word = words[at]
    if re.fullmatch(r"\d{1,7}([.,]\d{1,3})?", word, re.ASCII):
        return float(word.replace(",", ".")), at + 1
    joined = _PIECE.findall(word)
    if joined and "".join(number + unit for number, unit in joined) == word:
        words[at : at + 1] = [part for pair in joined for part in pair]
        return float(words[at].replace(",", ".")), at + 1
    if word == "half":
        # "half an hour", "half hour".
        return 0.5, at + (2 if words[at + 1 : at + 2] in (["a"], ["an"]) else 1)
    if word == "quarter":
        return 0.25, at + (2 if words[at + 1 : at + 2] in (["a"], ["an"]) else 1)
    number = _NUMBERS.get(word)
    if number is None:
        return None, at
    at += 1
    following = words[at] if at < len(words) else ""
    if number >= 20 and 1 <= _NUMBERS.get(following, 0) <= 9 and following not in ("a", "an"):
        return number + _NUMBERS[following], at + 1
    if number == 1 and following in ("quarter", "half"):
        return _number(words, at)
    if following == "couple":
        return 2.0, at + 1
    if words[at : at + 2] == ["a", "half"]:
        return number + 0.5, at + 2
    return number, at


def _unit(words: list[str], at: int, number: float) -> tuple[int | None, float, int]:
    """The seconds of the unit at ``at``, the number plus a half after it ("an hour and a half"), and where it ends."""
    word = words[at] if at < len(words) else ""
    unit = _SECONDS.get(word) or _SECONDS.get(word.removesuffix("s"))
    at += 1
    if unit is not None and words[at : at + 2] == ["a", "half"]:
        return unit, number + 0.5, at + 2
    return unit, number, at


def _moment(text: str, now: datetime) -> datetime:
    """The date and time that a text means. Raises :class:`TimesError`."""
    dated = _DATE.fullmatch(text)
    if dated is not None:
        return _at_date(dated[1], dated[2] or "", now)
    day, rest = _day(text.split(" "), now)
    usual = _EVENING if text.startswith("tonight") else _MORNING
    if day is None:
        # A number alone may mean minutes as well as hours.
        clock = None if text.isdecimal() else _time_of_day(text)
        if clock is None:
            raise TimesError(f"it is not a time. These are: {EXAMPLES}")
        today = datetime.combine(now.date(), clock, now.tzinfo)
        over = today.timestamp() <= now.timestamp()
        return datetime.combine(now.date() + timedelta(days=1), clock, now.tzinfo) if over else today
    named = " ".join(rest)
    clock = _time_of_day(named) if named else usual
    if clock is None:
        raise TimesError(f"it is not a time. These are: {EXAMPLES}")
    if text.startswith("tonight") and clock.hour < 12 and not AM_OR_PM.search(named) and ":" not in named:
        clock = clock.replace(hour=clock.hour + 12)
    moment = datetime.combine(day, clock, now.tzinfo)
    if moment.timestamp() <= now.timestamp() and weekday(text.split(" ")[0]) is not None:
        moment = datetime.combine(day + timedelta(days=7), clock, now.tzinfo)
    return moment


def _day(words: list[str], now: datetime) -> tuple[date | None, list[str]]:
    """The day that the first words mean, and the other words. A time may also come first: "9am tomorrow"."""
    today = now.date()
    for start in range(len(words)):
        rest = [word for word in words[:start] if word not in ("on", "next", "this", "the")]
        after = words[start + 1 :]
        word = words[start]
        if word in ("today", "tonight"):
            return today, rest + after
        if word == "tomorrow":
            further = words[max(0, start - 2) : start] == ["day", "after"]
            rest = rest[:-2] if further else rest
            return today + timedelta(days=2 if further else 1), rest + after
        named = weekday(word)
        if named is not None:
            ahead = (WEEKDAYS.index(named) - (today.weekday() + 1)) % 7
            return today + timedelta(days=ahead), rest + after
    return None, words


def _time_of_day(text: str) -> time | None:
    """The time of day in words; ``None`` if this is none. Raises :class:`TimesError` for "25:00"."""
    words = [word for word in text.split(" ") if word not in ("at", "o'clock", "uhr", "um", "in", "the")]
    am_or_pm = ""
    for part, meant in (("morning", "am"), ("afternoon", "pm"), ("evening", "pm"), ("night", "pm")):
        if part in words:
            words.remove(part)
            am_or_pm = meant
    if not words and am_or_pm:
        return time(9) if am_or_pm == "am" else time(20)
    if len(words) == 1 and words[0] in WORDS_OF_TIME:
        return time(*WORDS_OF_TIME[words[0]])
    if len(words) == 2 and AM_OR_PM.fullmatch(words[1]):
        am_or_pm = words.pop()
    found = TIME_OF_DAY.fullmatch(words[0]) if len(words) == 1 else None
    if found is None:
        return None
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    am_or_pm = found["am_or_pm"] or (am_or_pm if hour <= 12 else "")
    return time(*hour_and_minute(text, hour, minute, am_or_pm))


def _at_date(day: str, clock: str, now: datetime) -> datetime:
    try:
        named = date.fromisoformat(day)
        if _OFFSET.search(clock):
            return datetime.fromisoformat(f"{day}T{clock.upper()}")
        if re.fullmatch(r"\d{2}:\d{2}:\d{2}(\.\d+)?", clock, re.ASCII):
            return datetime.combine(named, time.fromisoformat(clock), now.tzinfo)
    except ValueError as error:
        raise TimesError("there is no such date") from error
    found = _time_of_day(clock) if clock else _MORNING
    if found is None:
        raise TimesError(f"it is not a time. These are: {EXAMPLES}")
    return datetime.combine(named, found, now.tzinfo)
