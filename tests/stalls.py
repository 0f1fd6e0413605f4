"""Repeats tests that fail while the machine stalls: then no speech and no answer of a socket arrives in time."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path

import pytest

STALL = 0.25
"""Minimum length of a stall, in seconds without the processor. A shorter one does not change how a call goes: the
pauses of people in these tests are up to 0.6 s long, and only a pause that is 0.4 s longer ends a turn."""
SHORT_STALL = 0.04
"""The same for tests in a browser, which compare sound sample by sample: it is buffered for only 60 ms."""
REPEATS = 2
BROWSER = Path(__file__).parent / "browser"
"""Folder of the tests in a browser."""
_INTERVAL = 0.02
"""Seconds between two looks. A stall that begins right after a look is measured as shorter by this much."""


def shortest_stall(path: Path) -> float:
    """The length, in seconds, that a stall must have at least so that a failed test of this file is repeated."""
    return SHORT_STALL if path.is_relative_to(BROWSER) else STALL


class StallWatch(threading.Thread):
    """A daemon thread that measures stalls: it sleeps for short times and keeps the longest delay."""

    def __init__(self) -> None:
        super().__init__(name="stall watch", daemon=True)
        self._longest = 0.0
        self._due = time.monotonic() + _INTERVAL

    @property
    def longest(self) -> float:
        """The longest stall since :meth:`reset`, in seconds, including one that this thread has not measured yet."""
        return max(self._longest, time.monotonic() - self._due)

    def reset(self) -> None:
        """Forget the stalls so far."""
        self._longest, self._due = 0.0, time.monotonic() + _INTERVAL

    def run(self) -> None:
        """Measure until the process ends."""
        while True:
            self._due = time.monotonic() + _INTERVAL
            time.sleep(_INTERVAL)
            self._longest = self.longest


class RepeatAfterStall:
    """A pytest plugin that repeats a test that fails in a stall, :data:`REPEATS` times at most.

    A bug that blocks the whole process looks like a stall too. It does so each time, so the test still fails.
    """

    def __init__(self) -> None:
        self._watch = StallWatch()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Mark the tests, and start the watch."""
        marks = {
            shortest: pytest.mark.flaky(reruns=REPEATS, condition=partial(self._stalled, shortest))
            for shortest in (STALL, SHORT_STALL)
        }
        for item in items:
            item.add_marker(marks[shortest_stall(item.path)])
        if not self._watch.is_alive():
            self._watch.start()

    def pytest_runtest_setup(self) -> None:
        """Reset the watch for each attempt."""
        self._watch.reset()

    def _stalled(self, shortest: float) -> bool:
        return self._watch.longest >= shortest
