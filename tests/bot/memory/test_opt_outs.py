"""Whoever opts out of being listened to is forgotten, even if a crash or a locked database prevents it at first."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiosqlite
import pytest

from bot.memory.opt_outs import ForgetOptedOut
from tests.bot.memory.brain import ADA, BEN, brain


async def test_whoever_opts_out_is_forgotten_even_if_that_fails_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with brain(tmp_path) as mind:
        await mind.learn("sister is called Zephyrine", "My sister is called Zephyrine.")
        await mind.learn("plays chess", "I play chess.", speaker=BEN)
        done, waits = asyncio.Event(), list[float]()
        forget_all = mind.memory.forget_all

        async def forget(person: int) -> int:
            if not waits:
                raise aiosqlite.OperationalError("database is locked")
            count = await forget_all(person)
            done.set()
            return count

        async def sleep(seconds: float) -> None:
            waits.append(seconds)

        monkeypatch.setattr(mind.memory, "forget_all", forget)
        running = asyncio.create_task(ForgetOptedOut(mind.memory, [ADA], sleep=sleep).run())
        try:
            await asyncio.wait_for(done.wait(), 30)
        finally:
            running.cancel()
        assert len(waits) == 1
        assert await mind.memory.export(ADA) == []
        assert len(await mind.memory.export(BEN)) == 1
        assert b"Zephyrine" not in mind.bytes_of_all_files()
