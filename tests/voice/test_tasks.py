"""Tests of starting a task in a part of a call that is ending or does not run: its work is refused and closed."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from bot.voice.tasks import start_task


async def test_work_that_comes_while_the_call_is_ending_is_refused_and_closed() -> None:
    late = asyncio.sleep(0)
    running = asyncio.Event()

    async def until_the_end(tasks: asyncio.TaskGroup) -> None:
        try:
            running.set()
            await asyncio.Event().wait()
        finally:
            with pytest.raises(RuntimeError):
                start_task(tasks, late, "late")

    async def part() -> None:
        async with asyncio.TaskGroup() as tasks:
            start_task(tasks, until_the_end(tasks), "work")

    call = asyncio.create_task(part())
    await running.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert inspect.getcoroutinestate(late) == inspect.CORO_CLOSED


async def test_work_for_a_part_that_does_not_run_is_refused_and_closed() -> None:
    work = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="does not run"):
        start_task(None, work, "messages")
    assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED
