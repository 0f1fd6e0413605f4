"""Time in tests: a clock that a test moves by hand, and waiting for a condition."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

LIMIT = 60.0
"""Seconds that a test waits at most, so that a broken test ends."""


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


class ManualSleep:
    """Stands in for :func:`asyncio.sleep`: sleepers wake only when a test lets the time pass."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    async def __call__(self, seconds: float) -> None:
        """Sleep until the test has let so many seconds pass."""
        awake = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, awake))
        await awake

    async def pass_by(self, seconds: float) -> None:
        """Let time pass, wake those whose time has come, in order, and let all tasks run."""
        until = self.now + seconds
        await settle()
        while due := [at for at, awake in self._sleepers if at <= until and not awake.done()]:
            self.now = min(due)
            for at, awake in self._sleepers:
                if at <= self.now and not awake.done():
                    awake.set_result(None)
            await settle()
        self.now = until


async def settle() -> None:
    """Let all tasks run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


_SHORT = 0.005


async def let_run(seconds: float) -> None:
    """Let all other tasks run for some time, in many short sleeps.

    A stall of the machine uses up only one short sleep. One long sleep might end with the stall, and then the tasks
    would have had no time at all.
    """
    for _ in range(math.ceil(seconds / _SHORT)):
        await asyncio.sleep(_SHORT)


async def wait_until(condition: Callable[[], object], limit: float = LIMIT) -> None:
    """Wait until the condition returns a true value, or an awaitable with one. It is tried every few milliseconds.

    The pauses grow from 2 ms to 10 ms, because a condition that asks the database costs as much as many tests do.

    Raises:
        TimeoutError: it was still false after ``limit`` seconds.
    """
    pause = 0.002
    async with asyncio.timeout(limit):
        while True:
            answer = condition()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, 0.01)


ATTEMPTS = 20
"""How often :func:`quickest` measures at most."""


async def quickest(measure: Callable[[], Awaitable[float]], limit: float) -> float:
    """The shortest of the times that ``measure`` returns, in seconds. It is called until one is below the limit.

    A busy machine delays many attempts. A fault of the program delays all.
    """
    taken = math.inf
    for _ in range(ATTEMPTS):
        taken = min(taken, await measure())
        if taken < limit:
            break
    return taken


@contextmanager
def clock_of_the_loop() -> Iterator[Callable[[float], None]]:
    """A function that moves the clock of the running event loop forward, so that its timeouts end at once."""
    loop = asyncio.get_running_loop()
    usual, ahead = loop.time, 0.0

    def move(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "time", lambda: usual() + ahead)
        yield move
