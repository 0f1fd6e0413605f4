"""Bounds the log's lines about events that anybody outside can cause: the first ones are logged, the others counted."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

PER_MINUTE, PER_DAY = 30, 1_000
"""Largest numbers of events that have lines of their own."""
COUNT_EVERY = 3_600.0
"""Seconds between two lines with the number of events that had no line, while more events come than the limits allow.
"""
_MINUTE, _DAY = 60.0, 86_400.0


class LineBudget:
    """The budget of one kind of events. Use it on one thread.

    Args:
        log: gets the number of events that had no line.
        what: the events, in the plural and in words for the operator.
        clock: returns monotonic seconds.
    """

    def __init__(self, log: logging.Logger, what: str, clock: Callable[[], float]) -> None:
        self._log = log
        self._what = what
        self._clock = clock
        self._minute: deque[float] = deque(maxlen=PER_MINUTE)
        self._day: deque[float] = deque(maxlen=PER_DAY)
        self._left_out = 0
        self._counted_since = 0.0
        self._over = False

    def admit(self) -> bool:
        """Whether the event that happens now may have lines in the log."""
        now = self._clock()
        if _reached(self._minute, now - _MINUTE) or _reached(self._day, now - _DAY):
            self._leave_out(now)
            return False
        self.tell_count()
        self._over = False
        self._minute.append(now)
        self._day.append(now)
        return True

    def tell_count(self) -> None:
        """Log how many events had no line since this number was logged last, if there were any."""
        if self._left_out:
            self._log.warning("%d more %s had no line of their own in this log", self._left_out, self._what)
            self._left_out = 0

    def _leave_out(self, now: float) -> None:
        if not self._over:
            self._over, self._counted_since = True, now
            text = "Many %s: only %d a minute are logged, and %d a day; the others are counted"
            self._log.warning(text, self._what, PER_MINUTE, PER_DAY)
        self._left_out += 1
        if now - self._counted_since >= COUNT_EVERY:
            self._counted_since = now
            self.tell_count()


def _reached(times: deque[float], since: float) -> bool:
    """Whether ``times`` is full, and all of them are later than ``since``."""
    return len(times) == times.maxlen and times[0] > since
