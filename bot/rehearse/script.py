"""The script of a rehearsal: the questions that its guests ask, one after the other until the time is over.

In a rehearsal, guests on a local Discord talk with the operator's engines for a while.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

from bot.demo.guests import Guests

SHORTEST_TURN = 6.0
"""A question and its answer count as at least this many seconds. This limits the number of questions."""


@dataclass(frozen=True, slots=True)
class RehearsalScript:
    """The guests of a rehearsal and their questions.

    Attributes:
        first: the name of the first guest.
        alone: the names of the questions that the first guest asks while nobody else is there.
        others: the guests who come in after these questions.
        by_name: the names of the questions that call the bot by its name. They are asked again and again.
    """

    first: str
    alone: tuple[str, ...]
    others: tuple[str, ...]
    by_name: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The names of all questions."""
        return (*self.alone, *self.by_name)


RECORDED_SCRIPT = RehearsalScript("Ada", ("hello", "capital"), ("Dan", "Cleo"), ("dog", "colors", "memory"))
TOY_SCRIPT = RehearsalScript("Ada", ("hello", "question"), ("Ben",), ("by name",))
"""The script for the toy weights, with questions that the toy Whisper understands."""


def max_questions(seconds: float) -> int:
    """The largest number of questions in a rehearsal of this length."""
    return max(1, math.ceil(seconds / SHORTEST_TURN))


async def play_script(guests: Guests, script: RehearsalScript, seconds: float, clock: Callable[[], float]) -> None:
    """Have the guests ask questions until the time is over. At least one question is asked.

    Args:
        clock: returns monotonic seconds.

    Raises:
        CallFailedError: the bot does not join, or does not answer.
    """
    await guests.wait_for_the_engines()
    await guests.enter(script.first)
    await guests.call_the_bot(script.first)
    began, allowed = clock(), max_questions(seconds)
    for number, line in enumerate(itertools.chain(script.alone, itertools.cycle(script.by_name)), 1):
        spent = clock() - began
        if number > allowed or (spent >= seconds and number > 1):
            return
        if number == len(script.alone) + 1:
            for name in script.others:
                await guests.enter(name)
        guests.note(f"Question {number}, after {spent:.0f} of {seconds:.0f} seconds")
        await guests.ask(line)
