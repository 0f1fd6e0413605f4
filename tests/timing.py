"""Time in tests: a clock that a test moves by hand, and waiting for a condition."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable

LIMIT = 20.0
"""Seconds that :func:`wait_until` waits at most, so that a broken test ends."""


class Clock:
    """A clock that stands still until a test moves it. Call it for the time.

    Attributes:
        now: the time in seconds.
        slept: the sum of all sleeps, in seconds.
    """

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Move the clock forward, or back with a negative number."""
        self.now += seconds

    async def sleep(self, seconds: float) -> None:
        """Move the clock forward at once, and let other tasks run. It stands in for :func:`asyncio.sleep`."""
        self.now += seconds
        self.slept += seconds
        await asyncio.sleep(0)


async def wait_until(condition: Callable[[], object]) -> None:
    """Wait until the condition returns a true value, or an awaitable with one. It is tried every few milliseconds.

    The pauses grow from 2 ms to 10 ms, because a condition that asks the database costs as much as many tests do.

    Raises:
        TimeoutError: it was still false after :data:`LIMIT` seconds.
    """
    pause = 0.002
    async with asyncio.timeout(LIMIT):
        while True:
            answer = condition()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, 0.01)
