"""Speculation: work that is done before it is certain that a turn is over, and limits for discarded work."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Self

PERIOD = 60.0
"""The budgets count what was discarded within this many seconds."""


@dataclass(frozen=True, slots=True)
class Speculation:
    """What a call may do before it is certain that a turn is over.

    Attributes:
        replies: whether the model is asked for a speculative reply.
        voice: whether the speech server gets the text of such a reply at once, or only when the turn ends.
        words: whether the words are transcribed at each pause, or only when the turn ends.
        words_cost: whether transcriptions cost money. If so, the number of discarded transcriptions is limited too.
        interims: whether words are transcribed while somebody speaks, for speculative replies and for those who watch
            the call.
        wrong_a_minute: the largest number of speculative replies that may be discarded in a minute. With
            ``words_cost``, as many transcriptions may be discarded too.
    """

    replies: bool = True
    voice: bool = True
    words: bool = True
    words_cost: bool = False
    interims: bool = False
    wrong_a_minute: int = 20


WITHOUT_COSTS = Speculation()
"""What calls may do where nothing costs money."""


class SpeculationBudget:
    """Limits how many speculative replies, or transcriptions at pauses, are discarded in any minute.

    Args:
        most: the largest number that may be discarded within :data:`PERIOD`.
        clock: returns monotonic seconds.
    """

    def __init__(self, most: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._discarded: deque[float] = deque()

    @classmethod
    def of_words(cls, allowed: Speculation, clock: Callable[[], float]) -> Self:
        """The budget for transcriptions at pauses: 0 if they are not allowed, and unlimited if they cost nothing."""
        most = allowed.wrong_a_minute if allowed.words_cost else inf
        return cls(most if allowed.words else 0, clock)

    def allows(self, undecided: int = 0) -> bool:
        """Whether one more reply or transcription may be made.

        Args:
            undecided: how many were made and may yet be discarded. All of them count as discarded here.
        """
        since = self._clock() - PERIOD
        while self._discarded and self._discarded[0] <= since:
            self._discarded.popleft()
        return len(self._discarded) + undecided < self._most

    def note_discarded(self) -> None:
        """Record that one was discarded."""
        self._discarded.append(self._clock())
