"""Tests of the heartbeat: a container's health check detects a bot whose event loop is stuck or gone."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.heartbeat import DEAD_AFTER, beat, is_held, last_state, silent_seconds
from config.project import ROOT


async def test_the_heartbeat_goes_on_while_the_loop_runs(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    beating = asyncio.create_task(beat(file, interval=0.01))
    async with asyncio.timeout(30):
        while not file.exists():
            await asyncio.sleep(0.01)
        os.utime(file, (0, 0))
        while silent_seconds(file) > DEAD_AFTER:
            await asyncio.sleep(0.01)
    beating.cancel()


def checked(file: Path) -> int:
    command = (sys.executable, "-m", "bot.heartbeat", str(file))
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False).returncode


def test_the_check_succeeds_only_after_a_recent_heartbeat(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    assert checked(file) == 1
    file.touch()
    assert checked(file) == 0
    long_ago = time.time() - DEAD_AFTER - 5
    os.utime(file, (long_ago, long_ago))
    assert checked(file) == 1


async def test_a_reader_finds_a_state_even_while_the_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine, the writer may be delayed between any two steps for as long as a reader needs."""
    file, seen = tmp_path / "heartbeat", []
    states = iter([{"model": "the model server can't be reached"}, {"model": "ready"}, {"model": "unknown to anybody"}])
    written = asyncio.Event()
    truncate = os.ftruncate

    def put_off(descriptor: int, length: int) -> None:
        seen.append(last_state(file))
        truncate(descriptor, length)
        seen.append(last_state(file))

    monkeypatch.setattr(os, "ftruncate", put_off)

    def state() -> dict[str, str]:
        now = next(states, None)
        if now is None:
            written.set()
        return now or {"model": "ready"}

    beating = asyncio.create_task(beat(file, 0.01, state))
    async with asyncio.timeout(30):
        await written.wait()
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    assert len(seen) >= 6
    assert None not in seen


async def test_a_bot_that_starts_during_a_health_check_is_known_to_run(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    file.touch()
    with file.open("rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        beating = asyncio.create_task(beat(file, 0.01))
        async with asyncio.timeout(30):
            while file.stat().st_size == 0:
                await asyncio.sleep(0.01)
    async with asyncio.timeout(30):
        while not is_held(file):
            await asyncio.sleep(0.01)
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
