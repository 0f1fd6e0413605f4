"""Greets people who join a call, when nobody speaks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from typing import Protocol

from bot.voice.attendance import Attendance
from config.sections import Greet

LOOK_INTERVAL = 1.0
"""Seconds between two looks at who is there."""
STALE = 30.0
"""Seconds after which a greeting that found no quiet moment is left out."""


class Floor(Protocol):
    """What a greeter has to know of the conversation."""

    @property
    def floor_free(self) -> bool:
        """Whether nobody speaks, and no reply is being made, spoken or waiting."""
        ...


class Greeter:
    """Looks who comes and goes, and greets those who come. :meth:`run` runs during the whole call.

    Args:
        attendance: the people who come and go.
        floor: says when a greeting disturbs nobody.
        whom: who is greeted: nobody, each person once since the bot's start, or each person once in a call.
        greeted: ids of the people whom the bot has greeted since its start. The greeter adds those whom it greets.
        may_greet: whether a person (user id) is there, and may be spoken to.
        greet: speaks a greeting to a person.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        attendance: Attendance,
        floor: Floor,
        whom: Greet,
        greeted: set[int],
        may_greet: Callable[[int], bool],
        greet: Callable[[int], None],
        clock: Callable[[], float],
    ) -> None:
        self._attendance = attendance
        self._floor = floor
        self._whom = whom
        self._greeted = greeted
        self._greeted_here: set[int] = set()
        self._may_greet = may_greet
        self._greet = greet
        self._clock = clock
        self._waiting: deque[tuple[int, float]] = deque()

    async def run(self) -> None:
        """Look and greet until cancelled."""
        while True:
            self.step()
            await asyncio.sleep(LOOK_INTERVAL)

    def step(self) -> None:
        """Look who has come, and greet one person if nobody speaks."""
        now = self._clock()
        self.came(self._attendance.look())
        while self._waiting and self._floor.floor_free:
            person, since = self._waiting.popleft()
            if now - since < STALE and self._may_greet(person):
                self._greeted.add(person)
                self._greet(person)
                return

    def knows(self, people: Collection[int]) -> None:
        """Note people (user ids) who are not to be greeted in this call."""
        self._greeted_here.update(people)

    def came(self, people: tuple[int, ...]) -> None:
        """Note people (user ids) who have just come."""
        for person in people:
            known = self._greeted if self._whom is Greet.FIRST else self._greeted_here
            if self._whom is not Greet.OFF and person not in known and person not in self._greeted_here:
                self._greeted_here.add(person)
                self._waiting.append((person, self._clock()))
