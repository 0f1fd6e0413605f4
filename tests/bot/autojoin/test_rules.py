"""Tests of the rules by which the bot comes by itself, and of quiet hours. The tests say what time it is."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from bot.autojoin.quiet_times import QuietTimes
from bot.autojoin.records import AutoJoinRecords
from bot.autojoin.rules import (
    ASK_AFTER,
    RETRY_DELAYS,
    Ask,
    CallsNow,
    Come,
    ComingRules,
    Remember,
    Room,
    TellWaiting,
    Wish,
    Withdraw,
)
from bot.database import FILE, Database
from bot.times_of_day import TimesError
from tests.bot.autojoin.world import chosen

EMPTY, THERE, UNWELCOME = Room(occupied=False, welcome=False), Room(occupied=True, welcome=True), Room(True, False)
"""A channel without people, one with people to whom the bot may come, and one with people to whom it may not come."""
HERE, OTHER = 1, 2


NO_CALLS = CallsNow()


class Rules:
    """The rules of one server (:data:`HERE`), step by step."""

    def __init__(self) -> None:
        self.rules = ComingRules()
        self.rules.choose(HERE)
        self.now = 0.0

    def step(
        self, room: Room = THERE, calls: CallsNow = NO_CALLS, *, busy: bool = False, after: float = 1.0
    ) -> tuple[Wish, ...]:
        self.now += after
        return self.rules.step(self.now, {HERE: room}, calls, busy=busy)


def test_the_bot_comes_once_when_somebody_is_there_and_again_when_somebody_is_there_again() -> None:
    rules = Rules()
    assert rules.step(EMPTY) == ()
    assert rules.step(UNWELCOME) == ()
    assert rules.step() == (Come(HERE),)
    assert rules.step() == ()
    rules.rules.came(HERE)
    assert rules.step(calls=CallsNow(frozenset({HERE}), full=True)) == ()
    assert rules.step(EMPTY) == ()
    assert rules.step() == (Come(HERE),)


def test_after_the_bot_was_sent_away_it_comes_again_only_once_the_channel_was_empty() -> None:
    rules = Rules()
    rules.step()
    rules.rules.came(HERE)
    assert rules.rules.sent_away(HERE) == (Remember(HERE, away=True),)
    assert rules.rules.is_away(HERE)
    assert rules.step(after=1e6) == ()
    assert rules.step(UNWELCOME) == ()
    assert rules.step() == ()
    assert rules.step(EMPTY) == (Remember(HERE, away=False),)
    assert rules.step() == (Come(HERE),)


def test_the_bot_waits_a_minute_for_a_drawing_then_asks_and_comes_on_a_yes() -> None:
    rules = Rules()
    assert rules.step(busy=True) == ()
    assert rules.step(busy=True, after=ASK_AFTER - 0.1) == ()
    assert rules.step(busy=True, after=0.1) == (Ask(HERE),)
    assert rules.step(busy=True) == ()
    assert rules.rules.answered(HERE, yes=True) == ()
    assert rules.step(busy=True) == (Come(HERE),)


def test_a_no_keeps_the_bot_away_until_the_channel_was_empty() -> None:
    rules = Rules()
    rules.step(busy=True)
    rules.step(busy=True, after=ASK_AFTER)
    assert rules.rules.answered(HERE, yes=False) == (Remember(HERE, away=True),)
    assert rules.step() == ()
    rules.step(EMPTY)
    assert rules.step() == (Come(HERE),)


def test_the_question_is_taken_back_when_the_drawing_is_done_or_nobody_is_left() -> None:
    for room, busy, wished in ((THERE, False, (Withdraw(HERE), Come(HERE))), (EMPTY, True, (Withdraw(HERE),))):
        rules = Rules()
        rules.step(busy=True)
        rules.step(busy=True, after=ASK_AFTER)
        assert rules.step(room, busy=busy) == wished
        assert rules.rules.answered(HERE, yes=False) == (), "a late answer changes nothing"


def test_the_bot_comes_in_a_pause_between_two_drawings() -> None:
    rules = Rules()
    rules.step(busy=True)
    rules.step(busy=True, after=50.0)
    assert rules.step(busy=False) == (Come(HERE),)


@pytest.mark.parametrize("elsewhere", [CallsNow(frozenset({OTHER}), full=True), CallsNow(full=True)])
def test_during_a_call_elsewhere_people_are_told_once_that_they_wait(elsewhere: CallsNow) -> None:
    rules = Rules()
    assert rules.step(calls=elsewhere) == (TellWaiting(HERE),)
    assert rules.step(calls=elsewhere) == ()
    assert rules.step(UNWELCOME, elsewhere) == ()
    assert rules.step(calls=elsewhere) == ()
    assert rules.step() == (Come(HERE),)


def test_a_call_elsewhere_beside_which_another_one_can_begin_keeps_nobody_waiting() -> None:
    rules = Rules()
    assert rules.step(calls=CallsNow(frozenset({OTHER}))) == (Come(HERE),)
    rules.rules.came(HERE)
    assert rules.step(calls=CallsNow(frozenset({OTHER, HERE}))) == ()


def test_whoever_has_waited_longest_gets_the_bot_first() -> None:
    rules = ComingRules()
    rules.choose(HERE)
    rules.choose(OTHER)
    rules.step(1.0, {HERE: EMPTY, OTHER: THERE}, CallsNow(full=True), busy=False)
    rules.step(2.0, {HERE: THERE, OTHER: THERE}, CallsNow(full=True), busy=False)
    assert rules.step(3.0, {HERE: THERE, OTHER: THERE}, NO_CALLS, busy=False) == (Come(OTHER),)


def test_a_channel_that_can_not_be_seen_changes_nothing() -> None:
    rules = Rules()
    rules.rules.sent_away(HERE)
    assert rules.rules.step(5.0, {}, NO_CALLS, busy=False) == ()
    assert rules.rules.is_away(HERE)


def test_a_failure_is_reported_once_and_tried_again_after_growing_pauses() -> None:
    rules = Rules()
    told = []
    for delay in (0.0, *RETRY_DELAYS, RETRY_DELAYS[-1]):
        if delay:
            assert rules.step(after=delay - 1.0) == ()
        assert rules.step() == (Come(HERE),)
        told.append(rules.rules.failed(HERE, rules.now))
    assert told == [True, *[False] * (len(told) - 1)]
    rules.step(EMPTY)
    assert rules.step() == (Come(HERE),)
    assert rules.rules.failed(HERE, rules.now)


def test_switching_off_takes_the_question_back() -> None:
    rules = Rules()
    rules.step(busy=True)
    rules.step(busy=True, after=ASK_AFTER)
    assert rules.rules.forget(HERE) == (Withdraw(HERE),)
    assert rules.step() == ()


@pytest.mark.parametrize(
    ("written", "shown", "inside", "outside"),
    [
        ("23:00-07:00", "23:00-07:00", ["23:00", "00:00", "06:59"], ["07:00", "22:59", "12:00"]),
        ("11pm to 7am", "23:00-07:00", ["02:30"], ["11:00"]),
        ("9 - 17:30", "09:00-17:30", ["09:00", "17:29"], ["08:59", "17:30", "23:00"]),
        ("midnight until noon", "00:00-12:00", ["00:00", "11:59"], ["12:00"]),
    ],
)
def test_quiet_hours_are_understood_however_they_are_written(
    written: str, shown: str, inside: list[str], outside: list[str]
) -> None:
    hours = QuietTimes.parse(written)
    assert str(hours) == shown
    assert QuietTimes.parse(shown) == hours
    assert all(hours.include(time.fromisoformat(moment)) for moment in inside)
    assert not any(hours.include(time.fromisoformat(moment)) for moment in outside)


@pytest.mark.parametrize("written", ["23", "7-7", "25:00-7", "9-13pm", "1-2-3", "", "soon to late", "12:60-13"])
def test_what_is_not_two_times_of_day_is_refused(written: str) -> None:
    with pytest.raises(TimesError):
        QuietTimes.parse(written)


async def test_what_was_chosen_survives_a_restart(tmp_path: Path) -> None:
    first, second = chosen(HERE, "23:00-07:00"), chosen(OTHER)
    async with Database.opened(tmp_path / FILE) as database:
        records = AutoJoinRecords(database)
        for choice in (second, first, second):
            await records.store(choice)
        await records.remember_away(HERE, away=True)
    async with Database.opened(tmp_path / FILE) as database:
        records = AutoJoinRecords(database)
        assert await records.all() == {first: True, second: False}
        await records.delete(HERE)
        assert await records.at(HERE) is None
        assert await records.at(OTHER) == second
