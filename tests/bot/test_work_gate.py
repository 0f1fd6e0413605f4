"""Tests of the work gate: running work may finish, slow work is stopped, and new work is refused while held."""

from __future__ import annotations

import asyncio

import pytest

from bot.work_gate import FeatureHeldError, WorkGate, WorkStoppedError


async def test_no_work_begins_while_the_gate_is_held() -> None:
    gate = WorkGate("feature")
    await gate.hold("a call")
    with pytest.raises(FeatureHeldError):
        async with gate.work():
            raise AssertionError
    await gate.release()
    async with gate.work():
        assert not gate.held


async def test_a_hold_waits_for_running_work() -> None:
    gate, inside, go = WorkGate("feature"), asyncio.Event(), asyncio.Event()

    async def work() -> str:
        async with gate.work():
            inside.set()
            await go.wait()
            return "done"

    working = asyncio.create_task(work())
    await inside.wait()
    holding = asyncio.create_task(gate.hold("a call"))
    await asyncio.sleep(0)
    assert gate.held
    assert not holding.done()
    go.set()
    await holding
    assert await working == "done"


async def test_work_that_takes_too_long_is_stopped_and_can_say_so() -> None:
    gate, inside = WorkGate("feature", limit=0.01), asyncio.Event()

    async def work() -> str:
        try:
            async with gate.work():
                inside.set()
                await asyncio.Event().wait()
        except WorkStoppedError:
            await asyncio.sleep(0)
            return "stopped"
        return "done"

    working = asyncio.create_task(work())
    await inside.wait()
    await gate.hold("a call")
    assert await working == "stopped"


async def test_a_cancellation_by_somebody_else_stays_a_cancellation() -> None:
    gate, inside = WorkGate("feature"), asyncio.Event()

    async def work() -> None:
        async with gate.work():
            inside.set()
            await asyncio.Event().wait()

    working = asyncio.create_task(work())
    await inside.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    await gate.hold("a call")
