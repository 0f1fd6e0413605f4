"""Tests of background tasks: a task that fails is restarted."""

from __future__ import annotations

import asyncio

import pytest

from bot.background import MAX_PAUSE, BackgroundWork, finish_within_limit, keep_running


async def test_failing_work_is_repeated_after_longer_and_longer_pauses() -> None:
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
    assert pauses[-1] == MAX_PAUSE


async def test_a_cancellation_ends_the_work() -> None:
    task = asyncio.create_task(keep_running("work", asyncio.Event().wait))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_after_the_end_of_background_work_no_new_work_begins() -> None:
    background, begun = BackgroundWork(), 0

    async def work() -> None:
        nonlocal begun
        begun += 1

    background.begin({"before": work})
    await asyncio.sleep(0)
    await background.end()
    background.begin({"after": work})
    await asyncio.sleep(0)
    assert begun == 1


async def test_work_with_a_time_limit_is_finished_even_if_its_task_is_cancelled() -> None:
    go_on, done = asyncio.Event(), False

    async def work() -> None:
        nonlocal done
        await go_on.wait()
        done = True

    task = asyncio.create_task(finish_within_limit(work()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done
