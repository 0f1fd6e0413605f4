"""The bot, with a watch over its event loop: ``python -m benchmarks.watched_bot FILE run --events``.

Takes the CPU time of everything that the loop runs, and writes it to FILE (JSON) when the bot has ended.
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

LONG = 0.001
"""Seconds from which on a callback's name is noted."""


class LoopWatch:
    """The CPU time, in seconds, of each callback on this thread's event loop; the long ones with their names."""

    def __init__(self) -> None:
        self.times = array("f")
        self.long: list[tuple[str, float]] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every callback that is run meanwhile, in any event loop."""
        run = asyncio.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            began = time.thread_time()
            run(handle)
            taken = time.thread_time() - began
            self.times.append(taken)
            if taken >= LONG:
                self.long.append((_name(handle), taken))

        asyncio.Handle._run = timed  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            asyncio.Handle._run = run  # type: ignore[method-assign]

    def as_json(self) -> str:
        """How often each time was taken, in whole microseconds, and the long ones."""
        counted = Counter(round(1e6 * taken) for taken in self.times)
        return json.dumps({"microseconds": sorted(counted.items()), "long": self.long})


def _name(handle: asyncio.Handle) -> str:
    """What was run: a coroutine's name where it was a step of a task."""
    callback = getattr(handle, "_callback", None)
    task = getattr(callback, "__self__", None)
    if isinstance(task, asyncio.Task):
        return str(getattr(task.get_coro(), "__qualname__", task.get_name()))
    return str(getattr(callback, "__qualname__", callback))


def main(path: Path, arguments: list[str]) -> int:
    """Run the bot, then write what was seen."""
    watch = LoopWatch()
    try:
        with watch.watching():
            return run_bot(arguments)
    finally:
        path.write_text(watch.as_json(), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
