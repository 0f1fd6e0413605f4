"""The bot with a measured event loop: ``python -m benchmarks.watched_bot FILE run --events``.

It measures the CPU time of each callback of the loop, and writes the times to FILE (JSON) when the bot has ended.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.__main__ import main as run_bot

NOTED = 0.0001
"""A callback that takes at least this much CPU time (in seconds) is listed with its name."""


class LoopWatch:
    """Measures each callback of every asyncio event loop in this process.

    Attributes:
        times: the CPU time of each callback, in seconds.
        noted: the callbacks above :data:`NOTED`: name, CPU time, and start in monotonic seconds.
    """

    def __init__(self) -> None:
        self.times = array("f")
        self.noted: list[tuple[str, float, float]] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Measure all callbacks until the block ends."""
        run = asyncio.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            at, began = time.monotonic(), time.thread_time()
            run(handle)
            taken = time.thread_time() - began
            self.times.append(taken)
            if taken >= NOTED:
                self.noted.append((_name(handle), taken, at))

        asyncio.Handle._run = timed  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            asyncio.Handle._run = run  # type: ignore[method-assign]

    def as_json(self) -> str:
        """JSON: how many callbacks took 0, 1, 2, ... whole microseconds, and the listed callbacks."""
        counted = Counter(round(1e6 * taken) for taken in self.times)
        return json.dumps({"microseconds": sorted(counted.items()), "noted": self.noted})


def _name(handle: asyncio.Handle) -> str:
    """The name of a callback. If the callback is a step of a task, the name of the task's coroutine."""
    callback = getattr(handle, "_callback", None)
    task = getattr(callback, "__self__", None)
    if isinstance(task, asyncio.Task):
        return str(getattr(task.get_coro(), "__qualname__", task.get_name()))
    return str(getattr(callback, "__qualname__", callback))


def main(path: Path, arguments: list[str]) -> int:
    """Run the bot, then write the times."""
    watch = LoopWatch()
    try:
        with watch.watching():
            return run_bot(arguments)
    finally:
        path.write_text(watch.as_json(), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
