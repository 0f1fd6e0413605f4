"""A container's health check tells a bot whose event loop runs from one whose loop is stuck or gone."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from bot.heartbeat import DEAD_AFTER, beat, silent_seconds
from config.project import ROOT


async def test_it_beats_while_the_loop_runs(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    beating = asyncio.create_task(beat(file, interval=0.01))
    async with asyncio.timeout(10):
        while not file.exists():
            await asyncio.sleep(0.01)
        os.utime(file, (0, 0))
        while silent_seconds(file) > DEAD_AFTER:
            await asyncio.sleep(0.01)
    beating.cancel()


def checked(file: Path) -> int:
    command = (sys.executable, "-m", "bot.heartbeat", str(file))
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False).returncode


def test_the_check_ends_well_only_after_a_recent_beat(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    assert checked(file) == 1
    file.touch()
    assert checked(file) == 0
    long_ago = time.time() - DEAD_AFTER - 5
    os.utime(file, (long_ago, long_ago))
    assert checked(file) == 1
