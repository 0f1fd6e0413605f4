"""Repeats tests in real time that fail while the machine stalls, since then no speech arrives in time."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path

import pytest

STALL = 0.25
"""Minimum length of a stall, in seconds without the processor. The pauses of people in these tests are up to 0.6 s
long, and the bot takes a pause that is 0.4 s longer for the end of a turn."""
SHORT_STALL = 0.04
"""The same for tests in a browser, which compare sound sample by sample: it is buffered for only 60 ms."""
REPEATS = 2
REAL_TIME = tuple(
    Path(__file__).parent / name
    for name in (
        "e2e",
        "bot/http/test_chat_socket.py",
        "features",
        "lease",
        "sandbox",
        "voice/test_call_over_memory.py",
        "voice/test_interims_over_memory.py",
    )
)
"""Folders and files of tests in which people speak, or a bot works on the sandbox, in real time."""
BROWSER = Path(__file__).parent / "browser"
"""Folder of the tests in a browser."""
_INTERVAL = 0.05


def shortest_stall(path: Path) -> float | None:
    """How long a stall has to be, in seconds, that repeats a failed test of this file; ``None`` if none does."""
    if path.is_relative_to(BROWSER):
        return SHORT_STALL
    return STALL if any(path.is_relative_to(folder) for folder in REAL_TIME) else None


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
    """A pytest plugin that repeats a test in real time that fails in a stall, :data:`REPEATS` times at most.

    A bug that blocks the whole process looks like a stall too. It does so each time, so the test still fails.
    """

    def __init__(self) -> None:
        self._watch: StallWatch | None = None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Mark the tests in real time, and start the watch if there are any."""
        shortest_in = {path: shortest_stall(path) for path in {item.path for item in items}}
        for item in items:
            if (shortest := shortest_in[item.path]) is not None:
                item.add_marker(pytest.mark.flaky(reruns=REPEATS, condition=partial(self._stalled, shortest)))
                if self._watch is None:
                    self._watch = StallWatch()
                    self._watch.start()

    def pytest_runtest_setup(self) -> None:
        """Reset the watch for each attempt."""
        if self._watch is not None:
            self._watch.reset()

    def _stalled(self, shortest: float) -> bool:
        return self._watch is not None and self._watch.longest >= shortest
