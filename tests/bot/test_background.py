"""Work in the background outlives its own failures."""

from __future__ import annotations

import asyncio

import pytest

from bot.background import LONGEST_PAUSE, keep_running


async def test_what_fails_is_done_again_after_longer_and_longer_pauses() -> None:
    pauses: list[float] = []
    tries = 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries <= 12:
            raise ValueError

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    await keep_running("work", work, sleep=sleep)
    assert tries == 13
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == LONGEST_PAUSE


async def test_a_cancellation_ends_it() -> None:
    task = asyncio.create_task(keep_running("work", asyncio.Event().wait))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
