"""Tests of the times in ``schedule add``, in words and in cron fields."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.features.scheduled_events.entry import Entry, read_entry
from bot.features.scheduled_events.times import last_time, next_time, require_future, trigger_of
from bot.times_of_day import TimesError

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("written", "entry"),
    [
        ("0 18 * * mon It is Monday!", Entry("0 18 * * mon", "It is Monday!")),
        ("monday 18:00 It is\n\nMonday!", Entry("0 18 * * mon", "It is\n\nMonday!")),
        ("every day at 7:30 Good morning", Entry("30 7 * * *", "Good morning")),
        ("Weekdays 09:00 Work", Entry("0 9 * * mon-fri", "Work")),
        ("monday,friday 18:00 Training", Entry("0 18 * * mon,fri", "Training")),
        ("monday, friday 18:00 Training", Entry("0 18 * * mon,fri", "Training")),
        ("every monday and every Friday at 6pm Training", Entry("0 18 * * mon,fri", "Training")),
        ("Mondays 12:05 am Late", Entry("5 0 * * mon", "Late")),
        ("weekdays 8am Coffee", Entry("0 8 * * mon-fri", "Coffee")),
        ("weekends at noon Pizza", Entry("0 12 * * sat,sun", "Pizza")),
        ("weekdays and sat 8:30 p.m. Film", Entry("30 20 * * mon-fri,sat", "Film")),
        ("monday to thursday 7:00 Up", Entry("0 7 * * mon-thu", "Up")),
        ("tue-thurs 7:00 Up", Entry("0 7 * * tue-thu", "Up")),
        ("8am every day Good morning", Entry("0 8 * * *", "Good morning")),
        ("18:00 Dinner on Monday", Entry("0 18 * * *", "Dinner on Monday")),
        ("18:00 on mondays, Dinner", Entry("0 18 * * mon", "Dinner")),
        ("monday 8am, and not later, we begin", Entry("0 8 * * mon", "and not later, we begin")),
        ("--skip <#123456789012345678> */5 * * * * Tick", Entry("*/5 * * * *", "Tick", 123456789012345678, True)),
        ("--run 0 0 1 JAN * Happy new year", Entry("0 0 1 jan *", "Happy new year")),
        ("0 18 * * 1", Entry("0 18 * * 1", "")),
        ("every 5 minutes Drink something", Entry("*/5 * * * *", "Drink something")),
        ("every hour Stretch", Entry("0 * * * *", "Stretch")),
        ("hourly, Stretch", Entry("0 * * * *", "Stretch")),
        ("Every 2 hours Stretch", Entry("0 */2 * * *", "Stretch")),
        ("every 60 minutes Stretch", Entry("0 * * * *", "Stretch")),
        ("every minute Tick", Entry("* * * * *", "Tick")),
    ],
)
def test_an_entry_is_read(written: str, entry: Entry) -> None:
    assert read_entry(written) == entry


@pytest.mark.parametrize(
    ("cron", "next_ones"),
    [
        ("0 18 * * 1", ["Mon 2027-01-18 18:00", "Mon 2027-01-25 18:00"]),
        ("0 18 * * 0", ["Sun 2027-01-17 18:00"]),
        ("0 18 * * 7", ["Sun 2027-01-17 18:00"]),
        ("0 18 * * 5-7", ["Fri 2027-01-15 18:00", "Sat 2027-01-16 18:00", "Sun 2027-01-17 18:00"]),
        ("0 18 * * sat-mon", ["Sat 2027-01-16 18:00", "Sun 2027-01-17 18:00", "Mon 2027-01-18 18:00"]),
        ("0 18 * * */3", ["Sat 2027-01-16 18:00", "Sun 2027-01-17 18:00"]),
        ("0 18 20 * sun", ["Sun 2027-01-17 18:00", "Wed 2027-01-20 18:00", "Sun 2027-01-24 18:00"]),
        ("0 0 29 2 *", ["Tue 2028-02-29 00:00"]),
        ("30 2 28 3 *", ["Sun 2027-03-28 03:30"]),
        ("30 2 31 10 *", ["Sun 2027-10-31 02:30", "Sun 2027-10-31 02:30", "Tue 2028-10-31 02:30"]),
    ],
)
def test_cron_means_what_it_means_in_a_crontab(cron: str, next_ones: list[str]) -> None:
    now, trigger = datetime(2027, 1, 15, 13, tzinfo=BERLIN), trigger_of(cron, BERLIN)
    require_future(cron, BERLIN, now)
    for expected in next_ones:
        found = next_time(trigger, now)
        assert found is not None
        assert f"{found.astimezone(UTC).astimezone(BERLIN):%a %Y-%m-%d %H:%M}" == expected
        now = found


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "five fields"),
        ("whenever", "`whenever` is neither a day nor a time"),
        ("mondy 18:00 It is Monday!", "`mondy` is not a day .did you mean `monday`"),
        ("monday, fridy 18:00 x", "`fridy` is not a day .did you mean `friday`"),
        ("every wendsday 18:00 It is late", "`wendsday` is not a day .did you mean `wednesday`"),
        ("weekdas 8am Up", "`weekdas` is not a day .did you mean `weekdays`"),
        ("montag 18:00 Es ist heute Montag", "`montag` is neither a day nor a time"),
        ("every second monday 18:00 x", "`second` is neither a day nor a time"),
        ("24.12. 18:00 Merry Christmas to all", "`24.12.` is neither a day nor a time"),
        ("8 drink a lot of water", "`8` alone is not a time of day, but `8:00` is"),
        ("every 7 minutes x", "`7 minutes` do not fit evenly into an hour. These do: 1, 2, 3, 4, 5, 6, 10"),
        ("every 10 seconds x", "a minute is the shortest time between two posts"),
        ("every seconds x", "a minute is the shortest time"),
        ("every 2 weeks x", "a week is too long: write `monday 18:00` for every week"),
        ("every month x", "a month is too long"),
        ("every 0 hours x", "`0 hours` do not fit evenly into a day"),
        ("tomorrow 18:00 x", "`tomorrow` comes only once"),
        ("monday It is Monday!", "no time after the day"),
        ("weekdays", "no time after the day"),
        ("monday 25:00 x", "`25:00` is not a time"),
        ("monday 13pm x", "`13pm` is not a time"),
        ("60 18 * * * x", "`60` is not a valid minute"),
        ("0 18 32 * * x", "`32` is not a valid day of the month"),
        ("0 18 * * mun x", "`mun` is not a weekday"),
        ("0 18 * * 8 x", "`8` is not a weekday"),
        ("0 0 30 2 * x", "no such day"),
        ("*/0 * * * * x", "`*/0` is not a valid minute"),
        (f"{'1,' * 200}1 * * * * x", "more than 100 characters"),
    ],
)
def test_invalid_times_are_explained_clearly(written: str, reason: str) -> None:
    with pytest.raises(TimesError, match=reason.replace("*", r"\*")):
        require_future(read_entry(written).cron, BERLIN, datetime(2027, 1, 15, tzinfo=BERLIN))


def test_the_last_time_before_a_moment_is_found_even_in_the_hour_that_comes_twice() -> None:
    half_past = trigger_of("30 * * * *", BERLIN)
    ended = datetime(2026, 10, 25, 1, 45, tzinfo=UTC).astimezone(BERLIN)  # The second 2:45 of that night.
    began = datetime(2026, 10, 25, 0, 15, tzinfo=UTC).astimezone(BERLIN)
    last = last_time(half_past, began, ended)
    assert last is not None
    assert last.astimezone(UTC) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert last_time(half_past, ended, ended) is None
    assert last_time(trigger_of("45 * * * *", BERLIN), began, ended) == ended
