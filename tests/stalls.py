"""A conversation that broke while the machine stood still is held again: nobody can be heard in time on such a one."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

STALL = 0.25
"""Seconds without the processor that count. A person's pause in these tests is up to 0.6 s long, and 0.4 s are left
until the bot takes it for the end of a turn."""
REPEATS = 2
REAL_TIME = tuple(Path(__file__).parent / folder for folder in ("e2e", "lease"))
_INTERVAL = 0.05


class StallWatch(threading.Thread):
    """Sleeps for short times, and notes by how much the longest took too long. Daemonic; ends with the process."""

    def __init__(self) -> None:
        super().__init__(name="stall watch", daemon=True)
        self.longest = 0.0
        """Seconds for which this process did not run, since it was last set to 0."""

    def run(self) -> None:
        """Watch for ever."""
        while True:
            due = time.monotonic() + _INTERVAL
            time.sleep(_INTERVAL)
            self.longest = max(self.longest, time.monotonic() - due)


class RepeatAfterStall:
    """A pytest plugin: a test of :data:`REAL_TIME` that failed in a stall runs again, :data:`REPEATS` times at most.

    A fault of ours that blocks the whole process looks like a stall, but it does so each time: the test still fails.
    """

    def __init__(self) -> None:
        self._watch: StallWatch | None = None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Mark the tests of real time, and watch as soon as there is one."""
        for item in items:
            if any(item.path.is_relative_to(folder) for folder in REAL_TIME):
                item.add_marker(pytest.mark.flaky(reruns=REPEATS, condition=self._stalled))
                if self._watch is None:
                    self._watch = StallWatch()
                    self._watch.start()

    def pytest_runtest_setup(self) -> None:
        """Each attempt counts its own stalls."""
        if self._watch is not None:
            self._watch.longest = 0.0

    def _stalled(self) -> bool:
        return self._watch is not None and self._watch.longest >= STALL
