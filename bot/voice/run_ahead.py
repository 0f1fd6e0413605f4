"""Guesses: work that is done before it is certain that a turn is over. Limits what is done and what is thrown away."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Self

PERIOD = 60.0
"""The budgets count what was thrown away within this many seconds."""


@dataclass(frozen=True, slots=True)
class RunAhead:
    """What a call may do before it is certain that a turn is over.

    Attributes:
        replies: whether the model is asked for a speculative reply (a guess).
        voice: whether the speech server gets the text of a guess at once. If not, it gets the text when the turn ends.
        words: whether the words are transcribed at each pause. If not, they are transcribed when the turn ends.
        words_cost: whether transcriptions cost money. If so, those that are thrown away are limited like guesses.
        interims: whether words are transcribed while somebody speaks, for guesses and for those who watch the call.
        wrong_a_minute: the largest number of guesses that may be thrown away in a minute.
    """

    replies: bool = True
    voice: bool = True
    words: bool = True
    words_cost: bool = False
    interims: bool = False
    wrong_a_minute: int = 20


WITHOUT_COSTS = RunAhead()
"""What calls may do where nothing costs money."""


class GuessBudget:
    """Limits how many guesses are thrown away in any minute.

    Args:
        most: the largest number of guesses that may be thrown away within :data:`PERIOD`.
        clock: returns monotonic seconds.
    """

    def __init__(self, most: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._thrown_away: deque[float] = deque()

    @classmethod
    def of_words(cls, allowed: RunAhead, clock: Callable[[], float]) -> Self:
        """The budget for transcriptions at pauses. Without costs it is unlimited."""
        most = allowed.wrong_a_minute if allowed.words_cost else inf
        return cls(most if allowed.words else 0, clock)

    def allows(self, open_guesses: int = 0) -> bool:
        """Whether another guess may be made, even if it and the ``open_guesses`` will all be thrown away."""
        since = self._clock() - PERIOD
        while self._thrown_away and self._thrown_away[0] <= since:
            self._thrown_away.popleft()
        return len(self._thrown_away) + open_guesses < self._most

    def throw_away(self) -> None:
        """Record that a guess was thrown away."""
        self._thrown_away.append(self._clock())
