"""Tests that many joins and leaves leave no task, thread, socket or file behind."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import Counter
from dataclasses import dataclass

import aiohttp
import psutil
import pytest

from tests.e2e.conftest import LIMIT, Stage


@dataclass(frozen=True, slots=True)
class Holdings:
    """The resources of this process, which runs the bot, the sandbox and the guests."""

    tasks: tuple[str, ...]
    threads: tuple[str, ...]
    pools: int
    descriptors: int


def kind(name: str) -> str:
    """A name without its number."""
    return name.rstrip("0123456789-").split(":")[0]


def task_kind(task: asyncio.Task[object]) -> str:
    """The name of a task; the name of its function if the task has no name."""
    function = getattr(task.get_coro(), "__qualname__", "")
    return f"Task of {function}" if kind(task.get_name()) == "Task" else kind(task.get_name())


async def holdings() -> Holdings:
    gc.collect()
    tasks = sorted(task_kind(task) for task in asyncio.all_tasks())
    threads = sorted(kind(thread.name) for thread in threading.enumerate())
    return Holdings(tuple(tasks), tuple(threads), len(pools()), psutil.Process().num_fds())


def let_many_calls_a_minute_begin(stage: Stage) -> None:
    """Raise discord.py's own limit of 110 gateway messages per minute, which a fast machine reaches in this test."""
    limiter = stage.app.bot.ws._rate_limiter
    limiter.max = limiter.remaining = 10_000


def pools() -> list[aiohttp.BaseConnector]:
    """The open connection pools of this process."""
    found = [thing for thing in gc.get_objects() if issubclass(type(thing), aiohttp.BaseConnector)]
    return [pool for pool in found if not pool.closed]


def close_kept_connections() -> None:
    """Close the connections that are kept for the next request and are not in use.

    Their number depends on how many requests happened to be sent at once, and how long ago, so it shows no leak.
    """
    for pool in pools():
        if pool._conns:
            kept_for = pool._keepalive_timeout
            pool._keepalive_timeout = 0.0
            pool._cleanup()
            pool._keepalive_timeout = kept_for


async def join_and_leave(stage: Stage, rounds: int) -> None:
    for _ in range(rounds):
        await stage.answer_to("!join", starts="🎤 Joined")
        await stage.answer_to("!leave", starts="👋 Left")
        await stage.until(lambda: stage.app.calls.status().state.value == "idle", "rest")


async def settled() -> Holdings:
    """The resources after they have not changed for a while."""
    held, same = await holdings(), 0
    async with asyncio.timeout(LIMIT):
        while same < 10:
            close_kept_connections()
            await asyncio.sleep(0.05)
            now = await holdings()
            held, same = now, same + 1 if now == held else 0
    return held


def more(after: tuple[str, ...], before: tuple[str, ...]) -> Counter[str]:
    """The kinds of resources of which there are more now. Threads of the executor are not counted."""
    return Counter(name for name in after if "asyncio" not in name) - Counter(before)


@pytest.mark.slow
async def test_many_joins_and_leaves_leave_nothing_behind(stage: Stage) -> None:
    # The first rounds fill pools that stay: the executor's threads, kept connections. The recogniser stays too, but it
    # may start only after the first rounds, so the test waits for it.
    await stage.app.bot.wait_until_ready()
    await stage.app.core.engines.transcriber.warm_up()
    let_many_calls_a_minute_begin(stage)
    await join_and_leave(stage, 4)
    before = await settled()
    await join_and_leave(stage, 50)
    after = await settled()
    assert not more(after.tasks, before.tasks)
    assert not more(after.threads, before.threads)
    assert after.pools <= before.pools
    assert after.descriptors <= before.descriptors
