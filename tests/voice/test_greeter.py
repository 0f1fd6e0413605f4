"""Tests of who is greeted when they join a call, and when."""

from __future__ import annotations

import pytest

from bot.voice.attendance import Attendance
from bot.voice.greeter import STALE, Greeter
from config.sections import Greet
from tests.timing import Clock


class Lounge:
    """A voice channel in which Ada is. Person 9 has opted out, person 8 is not answered."""

    def __init__(self, whom: Greet = Greet.ALL, greeted: set[int] | None = None) -> None:
        self.people = {1: "Ada"}
        self.clock = Clock()
        self.greeted: list[int] = []
        self.floor_free = True
        attendance = Attendance(lambda: self.people, lambda person: person == 9, self.clock)
        self.greeter = Greeter(
            attendance,
            self,
            whom,
            set() if greeted is None else greeted,
            lambda person: person != 8 and person in self.people,
            self.greeted.append,
            self.clock,
        )
        self.greeter.step()

    def become(self, *people: int) -> None:
        self.people = {person: f"Guest {person}" for person in people}
        self.greeter.step()


def test_a_person_who_joins_is_greeted_once_a_call() -> None:
    lounge = Lounge()
    assert lounge.greeted == [], "whoever was there before the bot has not joined"
    for people in ((1, 2), (1,), (1, 2)):
        lounge.become(*people)
    assert lounge.greeted == [2]


@pytest.mark.parametrize(("whom", "again"), [(Greet.ALL, [2]), (Greet.FIRST, [])])
def test_the_setting_says_whether_a_person_is_greeted_in_the_next_call_too(whom: Greet, again: list[int]) -> None:
    known = set[int]()
    first = Lounge(whom, known)
    first.become(1, 2)
    assert first.greeted == [2]
    second = Lounge(whom, known)
    second.become(1, 2)
    assert second.greeted == again


def test_nobody_is_greeted_unless_the_operator_wants_it() -> None:
    lounge = Lounge(Greet.OFF)
    lounge.become(1, 2)
    assert lounge.greeted == []


def test_whoever_opted_out_or_is_not_answered_is_not_greeted() -> None:
    lounge = Lounge()
    lounge.become(1, 8, 9)
    assert lounge.greeted == []


def test_a_greeting_waits_until_nobody_speaks() -> None:
    lounge = Lounge()
    lounge.floor_free = False
    lounge.become(1, 2, 3)
    assert lounge.greeted == []
    lounge.floor_free = True
    lounge.greeter.step()
    assert lounge.greeted == [2], "one after another"
    lounge.greeter.step()
    assert lounge.greeted == [2, 3]


def test_a_greeting_that_comes_too_late_or_for_a_person_who_has_left_is_left_out() -> None:
    lounge = Lounge()
    lounge.floor_free = False
    lounge.become(1, 2, 3)
    lounge.become(1, 3)
    lounge.floor_free = True
    lounge.greeter.step()
    assert lounge.greeted == [3]
    lounge.floor_free = False
    lounge.become(1, 3, 4)
    lounge.clock.pass_by(STALE)
    lounge.floor_free = True
    lounge.greeter.step()
    assert lounge.greeted == [3]
