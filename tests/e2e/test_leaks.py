"""Fifty joins and leaves in a row leave no task, thread, socket or file behind."""

from __future__ import annotations

import asyncio
import gc
import threading
from dataclasses import dataclass

import psutil

from tests.e2e.conftest import Stage

ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Holdings:
    """What this process holds: the bot, the sandbox and the guests are all in it."""

    tasks: tuple[str, ...]
    threads: tuple[str, ...]
    descriptors: int


def kind(name: str) -> str:
    """A name without its number."""
    return name.rstrip("0123456789-").split(":")[0]


async def holdings() -> Holdings:
    gc.collect()
    tasks = sorted(kind(task.get_name()) for task in asyncio.all_tasks())
    threads = sorted(kind(thread.name) for thread in threading.enumerate())
    return Holdings(tuple(tasks), tuple(threads), psutil.Process().num_fds())


async def join_and_leave(stage: Stage, rounds: int) -> None:
    for _ in range(rounds):
        await stage.answer_to("!join", starts="🎤 Joined")
        await stage.answer_to("!leave", starts="👋 Left")
        await stage.until(lambda: stage.app.calls.status().state.value == "idle", "rest")


async def settled(stage: Stage, before: Holdings) -> Holdings:
    """What is held once what is on its way out is out."""
    after = await holdings()
    for _ in range(100):
        if after == before:
            break
        await asyncio.sleep(0.05)
        after = await holdings()
    return after


async def test_fifty_joins_and_leaves_leave_nothing_behind(stage: Stage) -> None:
    # The first rounds fill pools that stay: the executor's threads, kept connections.
    await join_and_leave(stage, 4)
    before = await settled(stage, await holdings())
    await join_and_leave(stage, ROUNDS)
    after = await settled(stage, before)
    assert after.tasks == before.tasks
    assert [name for name in after.threads if "asyncio" not in name] == [
        name for name in before.threads if "asyncio" not in name
    ]
    assert after.descriptors <= before.descriptors
