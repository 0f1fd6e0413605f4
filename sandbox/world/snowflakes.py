"""Discord's ids (snowflakes): the milliseconds since 2015 in the upper 42 bits, and a counter below."""

from __future__ import annotations

from collections.abc import Callable

EPOCH_MS = 1_420_070_400_000


class Snowflakes:
    """Makes ids that grow with the time and never repeat.

    Args:
        wall_clock: seconds since 1970.
    """

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        self._wall_clock = wall_clock
        self._last = 0

    def next(self) -> int:
        """A new id, larger than every one before it."""
        by_time = (int(self._wall_clock() * 1000) - EPOCH_MS) << 22
        self._last = max(by_time, self._last + 1)
        return self._last
