"""CheckResult out that another process hangs: it answers nobody, and does nothing either."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

LOOK_EVERY, LOOK_AGAIN = 1.0, 0.5
"""Seconds between two looks while it answers, and while it does not."""
ANSWER_LIMIT = 1.5
"""Seconds that it may take to answer."""
LEAST_MISSED = 3
"""So many answers in a row must be missing: one may be this program's own fault."""
STILL_LIMIT = 6.0
"""Seconds for which who is to answer one question may do nothing at all, however long the answer may take."""
IDLE_LIMIT, BUSY_LIMIT = 4.0, 180.0
"""Seconds without an answer after which it hangs: if it does nothing, and if it is busy, loading an engine perhaps."""


async def wait_until_it_hangs(
    answers: Callable[[float], Awaitable[bool]],
    make_pulse: Callable[[], Callable[[], bool]],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Return when a server hangs.

    Args:
        answers: asks it, for so many seconds, and says whether it answered.
        make_pulse: begins to watch the process; what it returns says whether it did anything since the last look.
    """
    while True:
        await sleep(LOOK_EVERY)
        asked_at = clock()
        if await answers(ANSWER_LIMIT):
            continue
        missed, pulse, beat_at = 1, make_pulse(), asked_at
        while True:
            await sleep(LOOK_AGAIN)
            if await answers(ANSWER_LIMIT):
                break
            missed += 1
            now = clock()
            if pulse():
                beat_at = now
            idle = now - beat_at >= IDLE_LIMIT
            if missed >= LEAST_MISSED and (idle or now - asked_at >= BUSY_LIMIT):
                return


async def answers_in_time(
    answered: Callable[[float], Awaitable[bool]],
    beats: Callable[[], bool],
    limit: float,
    ceiling: float,
    idle_limit: float,
) -> bool:
    """Whether a process answers one question before it is found hanging.

    It hangs when it has done nothing for :data:`STILL_LIMIT` seconds, or, once the answer is later than ``limit``, for
    ``idle_limit`` seconds; and when there is no answer after ``ceiling`` seconds, however busy it is.

    Args:
        answered: waits for the answer, for so many seconds at most, and says whether it is there.
        beats: whether the process did anything since the last look.
    """
    waited = idle = 0.0
    while waited < ceiling:
        if await answered(LOOK_AGAIN):
            return True
        waited += LOOK_AGAIN
        idle = 0.0 if beats() else idle + LOOK_AGAIN
        if idle >= (idle_limit if waited >= limit else STILL_LIMIT):
            break
    return False
