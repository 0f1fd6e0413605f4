"""Finding out that a server hangs: it answers nobody, and does nothing either."""

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
