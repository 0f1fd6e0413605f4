"""Words for a time, such as "ten minutes" or "monday 18:00": when a timer or reminder with these words is due."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reminders.when import MAX_AHEAD, read_when
from bot.times_of_day import TimesError

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 28, 18, 5, tzinfo=BERLIN)
"""A Saturday."""


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("10 minutes", 600),
        ("in ten minutes", 600),
        ("5 min", 300),
        ("90 seconds", 90),
        ("90s", 90),
        ("1h30m", 5_400),
        ("1 hour and 30 minutes", 5_400),
        ("an hour and a half", 5_400),
        ("one and a half hours", 5_400),
        ("half an hour", 1_800),
        ("a quarter of an hour", 900),
        ("1.5 hours", 5_400),
        ("1,5 Stunden", 5_400),
        ("twenty-five minutes", 1_500),
        ("a couple of minutes", 120),
        ("2 days", 172_800),
        ("a week", 604_800),
        ("PT10M", 600),
        ("PT1H30M", 5_400),
        ("10 Minuten", 600),
        ("cinco minutos", None),
    ],
)
def test_durations_that_can_be_read_are_timers(written: str, seconds: int | None) -> None:
    if seconds is None:
        with pytest.raises(TimesError):
            read_when(written, NOW)
        return
    due = read_when(written, NOW)
    assert (due.at - NOW.timestamp(), due.timer) == (seconds, True)


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("18:30", "2026-11-28 18:30"),
        ("18:05", "2026-11-29 18:05"),
        ("6pm", "2026-11-29 18:00"),
        ("at 7:15 p.m.", "2026-11-28 19:15"),
        ("noon", "2026-11-29 12:00"),
        ("midnight", "2026-11-29 00:00"),
        ("tomorrow", "2026-11-29 09:00"),
        ("tomorrow at 9:30", "2026-11-29 09:30"),
        ("tomorrow morning", "2026-11-29 09:00"),
        ("tomorrow evening", "2026-11-29 20:00"),
        ("9am tomorrow", "2026-11-29 09:00"),
        ("7 in the evening", "2026-11-28 19:00"),
        ("the day after tomorrow at noon", "2026-11-30 12:00"),
        ("tonight", "2026-11-28 20:00"),
        ("tonight at 9", "2026-11-28 21:00"),
        ("today at 23:00", "2026-11-28 23:00"),
        ("monday 18:00", "2026-11-30 18:00"),
        ("next Friday at 8pm", "2026-12-04 20:00"),
        ("saturday 18:00", "2026-12-05 18:00"),
        ("saturday 19:00", "2026-11-28 19:00"),
        ("2026-12-24 18:00", "2026-12-24 18:00"),
        ("2026-12-24T18:00:00", "2026-12-24 18:00"),
        ("2026-12-24T18:00:00Z", "2026-12-24 19:00"),
        ("2026-12-24T18:00+00:00", "2026-12-24 19:00"),
        ("2026-12-24", "2026-12-24 09:00"),
    ],
)
def test_dates_and_times_are_read_as_people_mean_them(written: str, time: str) -> None:
    due = read_when(written, NOW)
    assert (f"{datetime.fromtimestamp(due.at, BERLIN):%Y-%m-%d %H:%M}", due.timer) == (time, False)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "not a time"),
        ("soon", "not a time"),
        ("5", "not a time"),
        ("25:00", "not a time of day"),
        ("13pm", "not a time of day"),
        ("tomorrow at soon", "not a time"),
        ("2026-02-30 10:00", "no such date"),
        ("2020-01-01 10:00", "over"),
        ("today at 8:00", "over"),
        ("0 minutes", "between one second and two years"),
        ("1000 weeks", "between one second and two years"),
        ("9999999 days", "between one second and two years"),
        ("2099-01-01", "between one second and two years"),
        ("-5 minutes", "not a time"),
        ("1e9 seconds", "not a time"),
        ("x" * 10_000, "at most 100 characters"),
    ],
)
def test_what_is_no_time_is_refused_with_the_reason(written: str, why: str) -> None:
    with pytest.raises(TimesError, match=why):
        read_when(written, NOW)


def test_a_time_in_the_hour_that_summer_time_skips_comes_an_hour_later() -> None:
    night = datetime(2026, 3, 29, 0, 0, tzinfo=BERLIN)
    assert f"{datetime.fromtimestamp(read_when('2:30', night).at, BERLIN):%d %H:%M}" == "29 03:30"


@given(st.text(max_size=120))
def test_any_text_is_a_time_ahead_or_refused(written: str) -> None:
    try:
        due = read_when(written, NOW)
    except TimesError:
        return
    assert 0 < due.at - NOW.timestamp() <= MAX_AHEAD.total_seconds()


WORDS = st.sampled_from(
    [
        *("in", "at", "on", "next", "a", "an", "half", "quarter", "one", "ten", "twenty", "5", "1.5", "90s", "1h30m"),
        *("18:30", "6pm", "hour", "hours", "minutes", "seconds", "and", "of", "day", "after", "tomorrow", "today", "z"),
        *("tonight", "monday", "friday", "noon", "morning", "evening", "2026-12-24", "t18:00", "+02:00", "couple"),
        *("p.m.", "the", "99999"),
    ]
)


@given(st.lists(WORDS, max_size=8).map(" ".join))
def test_any_words_of_times_are_a_time_ahead_or_refused(written: str) -> None:
    try:
        due = read_when(written, NOW)
    except TimesError:
        return
    assert 0 < due.at - NOW.timestamp() <= MAX_AHEAD.total_seconds()
