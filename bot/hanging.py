"""Detects that another process hangs: it does not answer, and uses no CPU time and no disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

LOOK_EVERY, LOOK_AGAIN = 1.0, 0.5
"""Seconds between two checks while the process answers, and while it does not."""
ANSWER_LIMIT = 1.5
"""Seconds to wait for an answer."""
LEAST_MISSED = 3
"""Least number of missing answers in a row. A single one may be this program's own fault."""
STILL_LIMIT = 6.0
"""Seconds without activity after which a process hangs although its answer is not late yet."""
IDLE_LIMIT, BUSY_LIMIT = 4.0, 180.0
"""Seconds without an answer after which a process hangs: if it is inactive, and if it is active (it may be loading)."""


async def wait_until_it_hangs(
    answers: Callable[[float], Awaitable[bool]],
    make_pulse: Callable[[], Callable[[], bool]],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Wait until a server hangs.

    Args:
        answers: asks the server and waits the given seconds. Returns whether it answered.
        make_pulse: starts to watch the process. The returned function says whether the process was active since its
            last call.
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
    """Whether a process answers one question before it counts as hanging.

    It hangs if it was inactive for :data:`STILL_LIMIT` seconds. If the answer is later than ``limit``, it already hangs
    after ``idle_limit`` inactive seconds. After ``ceiling`` seconds without an answer it hangs in any case.

    Args:
        answered: waits for the answer, at most the given seconds. Returns whether the answer came.
        beats: whether the process was active since the last call.
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
