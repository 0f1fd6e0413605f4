"""Tests of the function that ends tasks, and waits until they have ended."""

from __future__ import annotations

import asyncio
import logging

import pytest

from config.tasks import end_tasks


async def test_all_tasks_have_ended_afterwards_even_slow_and_failing_ones(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended: list[str] = []

    async def clean_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("cleaned up")

    async def fail() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("no")

    tasks = [asyncio.create_task(clean_up()), asyncio.create_task(fail()), asyncio.create_task(asyncio.sleep(0))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await end_tasks(*tasks)
    assert ended == ["cleaned up"]
    assert [task.done() for task in tasks] == [True] * 3
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR], (
        "the error of the failed task was retrieved, so asyncio has logged none"
    )


async def test_without_tasks_nothing_is_awaited() -> None:
    await end_tasks()
