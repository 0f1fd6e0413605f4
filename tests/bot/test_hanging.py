"""Tests that a hanging server is distinguished from a busy or slow one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest

from bot.hanging import BUSY_LIMIT, IDLE_LIMIT_BEFORE_LATE, ProcessActivity, answers_in_time, wait_until_it_hangs


class SimulatedServer:
    """A server that answers, and is busy, at the times that a test names. Time passes only by sleeping and asking."""

    def __init__(self, answers: Callable[[float], bool], busy: Callable[[float], bool]) -> None:
        self.now = 0.0
        self._answers = answers
        self._busy = busy

    async def answers(self, limit: float) -> bool:
        if self._answers(self.now):
            return True
        self.now += limit
        await asyncio.sleep(0)
        return False

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)

    async def hangs_at(self, latest: float) -> float | None:
        """The time at which it counts as hanging; ``None`` if it does not until ``latest``."""
        watching = asyncio.create_task(
            wait_until_it_hangs(
                self.answers,
                lambda: lambda: self._busy(self.now),
                clock=lambda: self.now,
                sleep=self.sleep,
            )
        )
        while self.now < latest and not watching.done():
            await asyncio.sleep(0)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        return self.now if not watching.cancelled() else None


async def test_a_server_without_answers_and_activity_hangs() -> None:
    found = await SimulatedServer(lambda now: now < 100.0, lambda now: False).hangs_at(1000.0)
    assert found is not None
    assert 104.0 <= found <= 108.0


async def test_a_busy_server_gets_time_but_not_for_ever() -> None:
    def loading(now: float) -> bool:
        return now < 90.0

    assert await SimulatedServer(lambda now: now > 90.0, loading).hangs_at(1000.0) is None
    found = await SimulatedServer(lambda now: False, lambda now: True).hangs_at(1000.0)
    assert found is not None
    assert BUSY_LIMIT <= found <= BUSY_LIMIT + 5.0


async def test_a_server_that_becomes_inactive_without_an_answer_hangs() -> None:
    found = await SimulatedServer(lambda now: False, lambda now: now < 60.0).hangs_at(1000.0)
    assert found is not None
    assert 62.0 <= found <= 68.0


async def test_a_server_that_is_sometimes_late_does_not_hang() -> None:
    def for_two_of_five_seconds(now: float) -> bool:
        return int(now) % 5 > 2

    assert await SimulatedServer(for_two_of_five_seconds, lambda now: False).hangs_at(1000.0) is None


async def found_after(answer_at: float, busy: Callable[[float], bool], *, limit: float) -> tuple[bool, float]:
    """Whether the answer to one question came, and the seconds waited. Time passes only by waiting."""
    now = 0.0

    async def answered(seconds: float) -> bool:
        nonlocal now
        now += seconds
        return now >= answer_at

    return await answers_in_time(answered, lambda: busy(now), limit, 60.0, 0.5), now


NEVER = 1_000.0


async def test_a_process_that_stops_during_a_long_answer_is_noticed_soon() -> None:
    came, after = await found_after(NEVER, lambda now: now < 3.0, limit=30.0)
    assert not came
    assert after <= 3.0 + IDLE_LIMIT_BEFORE_LATE + 0.5


async def test_a_late_answer_is_waited_for_while_the_process_is_active_but_not_for_ever() -> None:
    assert await found_after(40.0, lambda _: True, limit=5.0) == (True, 40.0)
    assert await found_after(NEVER, lambda now: now < 20.0, limit=5.0) == (False, 20.0)
    assert await found_after(NEVER, lambda _: True, limit=5.0) == (False, 60.0)


async def test_short_inactivity_before_the_answer_is_late_does_not_matter() -> None:
    assert await found_after(12.0, lambda now: int(now) % 5 == 0, limit=30.0) == (True, 12.0)


@contextmanager
def running(program: str) -> Iterator[psutil.Process]:
    with subprocess.Popen((sys.executable, "-c", program), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


def active_soon(activity: ProcessActivity, *, expected: bool = True) -> bool:
    """Whether the process becomes active within a minute. With ``expected=False``: whether it is still active after a
    minute.
    """
    give_up_at = time.monotonic() + 60.0
    while time.monotonic() < give_up_at:
        time.sleep(0.1)
        if activity.active() is expected:
            return expected
    return not expected


def test_a_process_that_computes_is_active_until_it_is_stopped() -> None:
    with running("print(flush=True)\nwhile True: pass") as process:
        activity = ProcessActivity(process.pid)
        assert active_soon(activity)
        process.suspend()
        assert not active_soon(activity, expected=False)
        process.resume()
        assert active_soon(activity)


def test_a_process_that_waits_is_inactive() -> None:
    with running("import time\nprint(flush=True)\ntime.sleep(60)") as process:
        activity = ProcessActivity(process.pid)
        assert not active_soon(activity, expected=False)
        assert [activity.active() for _ in range(5)] == [False] * 5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much a process writes")
def test_a_process_that_only_reads_or_writes_is_active() -> None:
    program = (
        "import os, tempfile\nprint(flush=True)\n"
        "with tempfile.TemporaryFile() as file:\n"
        "    while True: file.seek(0), file.write(os.urandom(4096)), file.flush(), os.fsync(file.fileno())"
    )
    with running(program) as process:
        activity = ProcessActivity(process.pid)
        assert all(active_soon(activity) for _ in range(3))


def test_a_process_that_has_ended_is_inactive() -> None:
    with running("print(flush=True)") as process:
        process.wait(60)
    assert not ProcessActivity(process.pid).active()
    assert ProcessActivity(os.getpid()).active() in (True, False)
