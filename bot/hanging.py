"""Detects that another process hangs: it does not answer, and uses no CPU time and no disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import psutil

CHECK_EVERY = 1.0
"""Seconds between two checks while the process answers."""
CHECK_AGAIN = 0.5
"""Seconds between two checks while the process does not answer."""
ANSWER_LIMIT = 1.5
"""Seconds to wait for an answer."""
MIN_MISSED = 3
"""A process counts as hanging only after this many missing answers in a row. A single answer may be missing because of
this program itself.
"""
IDLE_LIMIT_BEFORE_LATE = 6.0
"""Seconds without activity after which a process counts as hanging, while its answer is not late yet."""
IDLE_LIMIT = 4.0
"""Seconds without activity after which a server that has missed answers counts as hanging."""
BUSY_LIMIT = 180.0
"""Seconds without an answer after which a server counts as hanging although it is active (it may be loading)."""


class ProcessActivity:
    """The activity of one process. Each measurement takes well under a millisecond.

    Args:
        pid: the process. A process that has ended is inactive.
    """

    def __init__(self, pid: int) -> None:
        self._work = 0.0
        try:
            self._process: psutil.Process | None = psutil.Process(pid)
        except psutil.Error:
            self._process = None
        self.active()

    def active(self) -> bool:
        """Whether the process has used CPU time or the disk since the last call, or is about to use them."""
        if self._process is None:
            return False
        try:
            with self._process.oneshot():
                before, self._work = self._work, self._work_so_far(self._process)
                status = self._process.status()
        except psutil.Error:
            return False
        if status in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return False
        return self._work != before or status in (psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP)

    @staticmethod
    def _work_so_far(process: psutil.Process) -> float:
        """A number that grows with CPU time and disk access. Its unit has no meaning."""
        times = process.cpu_times()
        # Not every system reports what a process reads and writes.
        io = process.io_counters() if hasattr(process, "io_counters") else None
        return times.user + times.system + (io.read_bytes + io.write_bytes if io else 0)


async def wait_until_it_hangs(
    answers: Callable[[float], Awaitable[bool]],
    watch_activity: Callable[[], Callable[[], bool]],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Wait until a server hangs.

    Args:
        answers: asks the server, and waits at most the given seconds. Returns whether it answered.
        watch_activity: starts to watch the process. Returns a function, which says whether the process was active since
            the function was called last.
    """
    while True:
        await sleep(CHECK_EVERY)
        asked_at = clock()
        if await answers(ANSWER_LIMIT):
            continue
        missed, active, active_at = 1, watch_activity(), asked_at
        while True:
            await sleep(CHECK_AGAIN)
            if await answers(ANSWER_LIMIT):
                break
            missed += 1
            now = clock()
            if active():
                active_at = now
            idle = now - active_at >= IDLE_LIMIT
            if missed >= MIN_MISSED and (idle or now - asked_at >= BUSY_LIMIT):
                return


async def answers_in_time(
    answered: Callable[[float], Awaitable[bool]],
    active: Callable[[], bool],
    limit: float,
    hard_limit: float,
    idle_limit: float,
) -> bool:
    """Whether a process answers one question before it counts as hanging.

    Args:
        answered: waits for the answer, at most the given seconds. Returns whether the answer came.
        active: tells whether the process was active since this was called last.
        limit: seconds after which the answer is late. Before that, a process counts as hanging after
            :data:`IDLE_LIMIT_BEFORE_LATE` seconds without activity.
        hard_limit: seconds without an answer after which even an active process counts as hanging.
        idle_limit: seconds without activity after which a process whose answer is late counts as hanging.
    """
    waited = idle = 0.0
    while waited < hard_limit:
        if await answered(CHECK_AGAIN):
            return True
        waited += CHECK_AGAIN
        idle = 0.0 if active() else idle + CHECK_AGAIN
        if idle >= (idle_limit if waited >= limit else IDLE_LIMIT_BEFORE_LATE):
            break
    return False
