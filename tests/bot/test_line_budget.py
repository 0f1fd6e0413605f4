"""Tests of the limit on lines of the log about events that anybody outside can cause."""

from __future__ import annotations

import logging

import pytest

from bot.line_budget import COUNT_EVERY, PER_DAY, PER_MINUTE, LineBudget
from tests.timing import Clock


def made(clock: Clock) -> LineBudget:
    return LineBudget(logging.getLogger("bot.made_up"), "phone calls", clock)


def test_the_first_events_of_a_minute_have_a_line_and_the_others_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    budget = made(clock)
    assert [budget.admit() for _ in range(PER_MINUTE + 7)] == PER_MINUTE * [True] + 7 * [False]
    assert caplog.messages == [
        f"Many phone calls: only {PER_MINUTE} a minute are logged, and {PER_DAY} a day; the others are counted"
    ]
    clock.pass_by(60)
    assert budget.admit()
    assert caplog.messages[1:] == ["7 more phone calls had no line of their own in this log"]
    budget.tell_count()
    assert len(caplog.messages) == 2, "the count is told once"


def test_whoever_calls_all_day_long_leaves_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    budget = made(clock)
    told = 0
    for _ in range(7 * 86_400 // 2):
        told += budget.admit()
        clock.pass_by(2)
    assert PER_DAY < told <= 8 * PER_DAY
    assert len(caplog.messages) <= 2 * told + 7 * 86_400 / COUNT_EVERY
    budget.tell_count()
    counted = sum(int(line.split()[0]) for line in caplog.messages if line[0].isdigit())
    assert told + counted == 7 * 86_400 // 2, "each event is told or counted"


def test_a_flood_that_goes_on_is_counted_each_hour(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    budget = made(clock)
    for _ in range(PER_DAY):
        budget.admit()
        clock.pass_by(60 / PER_MINUTE)
    caplog.clear()
    for _ in range(3 * 60):
        assert not budget.admit()
        clock.pass_by(60)
    assert len(caplog.messages) == 1 + 2


def test_events_that_come_now_and_then_all_have_a_line(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    budget = made(clock)
    for _ in range(PER_DAY):
        assert budget.admit()
        clock.pass_by(86_400 / PER_DAY + 1)
    assert caplog.messages == []
