"""Decides when the bot sends news again that Discord did not take, and when it gives them up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

FIRST_WAIT, LONGEST_WAIT = 60.0, 3_600.0
"""Seconds before the second attempt, and the longest pause. Each pause is twice as long as the one before."""
MAX_TRIES = 12
"""Number of attempts: they take about six hours together."""


class DeliveryRetries:
    """Counts the attempts to send the news of a feed to a target (the id of a channel or person).

    The counts are kept in memory: after a restart, the news that are still pending are tried again from the beginning.

    Args:
        clock: returns seconds since 1970.

    Attributes:
        lost: for each target, the number of items that were given up and that no message has mentioned yet.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tries = Counter[tuple[str, int]]()
        self._next_at: dict[tuple[str, int], float] = {}
        self.lost = Counter[int]()

    def waits(self, url: str, target: int) -> bool:
        """Whether the next attempt is not due yet."""
        return self._clock() < self._next_at.get((url, target), 0.0)

    def failed(self, url: str, target: int, items: int) -> bool:
        """Note that an attempt to send ``items`` items has failed. Returns whether they are given up."""
        tries = self._tries[url, target] = self._tries[url, target] + 1
        if tries >= MAX_TRIES:
            self.forget(url, target)
            self.lost[target] += items
            return True
        self._next_at[url, target] = self._clock() + min(FIRST_WAIT * 2.0 ** (tries - 1), LONGEST_WAIT)
        return False

    def delivered(self, url: str, target: int) -> None:
        """Note that the news have arrived."""
        self.forget(url, target)
        del self.lost[target]

    def forget(self, url: str, target: int) -> None:
        """Forget the attempts: the news have arrived, or are not to be sent again."""
        del self._tries[url, target]
        self._next_at.pop((url, target), None)
