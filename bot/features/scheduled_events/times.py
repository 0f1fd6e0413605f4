"""Repeating times: five cron fields with crontab's meaning, or words such as "monday 18:00"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger  # type: ignore[import-untyped]
from apscheduler.triggers.combining import OrTrigger  # type: ignore[import-untyped]
from apscheduler.triggers.cron import CronTrigger  # type: ignore[import-untyped]

from bot.features.scheduled_events.spoken_times import not_a_time, take_spoken_times
from bot.times_of_day import WEEKDAYS, TimesError

MAX_CRON = 100
"""Maximum number of characters of the cron fields."""
HORIZON = timedelta(days=9 * 366)
"""A time that does not come within this period never comes: leap days are at most eight years apart."""
EXAMPLES = (
    "`0 18 * * mon` (minute, hour, day, month, weekday), or `monday 18:00`, `weekdays 8am`, `monday, friday 18:30`"
)

_FIELDS = {"minute": "minute", "hour": "hour", "day": "day of the month", "month": "month"}
_WEEKDAY_ITEM = re.compile(r"(?P<first>\*|[a-z]{3}|[0-7])(?:-(?P<last>[a-z]{3}|[0-7]))?(?:/(?P<step>[1-7]))?")
_CRON = re.compile(r"\s*((?:[\d*,/-]+\s+){2}(?:[\w*,/-]+\s+){2}[\w*,/-]+)(?:\s+|$)")


def take_times(text: str) -> tuple[str, str]:
    """Split ``text`` into the times at its beginning and the rest. Returns the times as five cron fields, and the rest.

    Raises:
        TimesError: the text does not begin with valid times.
    """
    spoken = take_spoken_times(text)
    if spoken is not None:
        return spoken
    fields = _CRON.match(text)
    if fields is None:
        raise TimesError(not_a_time(text))
    return " ".join(fields[1].lower().split()), text[fields.end() :].strip()


def trigger_of(cron: str, zone: ZoneInfo) -> BaseTrigger:
    """The trigger for five cron fields in a time zone.

    Raises:
        TimesError: the fields are not valid.
    """
    if len(cron) > MAX_CRON:
        raise TimesError(f"it has more than {MAX_CRON} characters")
    *dates, weekday = cron.split()
    fields = dict(zip(_FIELDS, dates, strict=True))
    for name, value in fields.items():
        try:
            CronTrigger(**{name: value}, timezone=zone)
        except ValueError as error:
            raise TimesError(f"`{value}` is not a valid {_FIELDS[name]}") from error
    weekdays = ",".join(dict.fromkeys(_weekdays(weekday)))
    if fields["day"].startswith("*") or weekday.startswith("*"):
        return CronTrigger(**fields, day_of_week=weekdays, timezone=zone)
    # As in crontab: if both a day of the month and a weekday are given, either of them is enough.
    by_date = CronTrigger(**fields, timezone=zone)
    by_weekday = CronTrigger(**{**fields, "day": "*"}, day_of_week=weekdays, timezone=zone)
    return OrTrigger([by_date, by_weekday])


def next_time(trigger: BaseTrigger, after: datetime) -> datetime | None:
    """The next time of a trigger later than ``after``; ``None`` if there is none.

    A time within the hour that is skipped in spring comes an hour later. A time within the hour that is repeated in
    autumn comes twice.
    """
    # The microsecond is added in UTC. In local time, the sum would not say which of the two repeated hours it is in.
    later = (after.astimezone(UTC) + timedelta(microseconds=1)).astimezone(after.tzinfo)
    time: datetime | None = trigger.get_next_fire_time(None, later)
    return time


def last_time(trigger: BaseTrigger, after: datetime, until: datetime) -> datetime | None:
    """The last time of a trigger later than ``after`` and not later than ``until``; ``None`` if there is none."""
    last, time = None, next_time(trigger, after)
    # Seconds are compared, since local times don't say which of two repeated hours they are in.
    while time is not None and time.timestamp() <= until.timestamp():
        last, time = time, next_time(trigger, time)
    return last


def require_future(cron: str, zone: ZoneInfo, now: datetime) -> None:
    """Check that ``cron`` has at least one time after ``now``; raises :class:`TimesError`."""
    trigger = trigger_of(cron, zone)
    for part in trigger.triggers if isinstance(trigger, OrTrigger) else [trigger]:
        # Without an end date APScheduler would search until the year 9999.
        part.end_date = now + HORIZON
    if next_time(trigger, now) is None:
        raise TimesError("there is no such day")


def _weekdays(field: str) -> Iterator[str]:
    """The names of the weekdays in a cron field.

    Names are used because APScheduler counts weekdays from Monday, and crontab from Sunday.
    """
    for item in field.split(","):
        found = _WEEKDAY_ITEM.fullmatch(item)
        if found is None:
            raise TimesError(f"`{field}` is not a weekday")
        if found["first"] == "*":
            first, last = 0, 6
        else:
            first = _weekday(found["first"], field)
            last = _weekday(found["last"] or ("6" if found["step"] else found["first"]), field)
        if last < first:
            last += 7
        for day in range(first, last + 1, int(found["step"] or 1)):
            yield WEEKDAYS[day % 7]


def _weekday(word: str, field: str) -> int:
    if word.isdecimal():
        return int(word)
    if word not in WEEKDAYS:
        raise TimesError(f"`{field}` is not a weekday")
    return WEEKDAYS.index(word)
