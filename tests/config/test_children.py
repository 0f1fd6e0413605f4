"""Tests of running and ending child processes, and of signals to a child that has just ended by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

import psutil
import pytest

from config.children import ChildOutput, end_child, run_child, signal_child
from tests.timing import wait_until

_IGNORES_SIGTERM = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
)
_ENDS_ON_SIGTERM = "import signal; print('ready', flush=True); signal.pause()"


async def _child(program: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    return process


async def test_a_child_that_has_just_ended_keeps_its_own_exit_status(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, asked, wait = threading.Event(), threading.Event(), os.waitpid

    def wait_late(pid: int, options: int) -> tuple[int, int]:
        """Delay asyncio's thread, so that asyncio learns of the child's end only after the second signal."""
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        ended.set()
        asked.wait(30)
        return wait(pid, options)

    monkeypatch.setattr(os, "waitpid", wait_late)
    process = await _child(_ENDS_ON_SIGTERM)
    os.kill(process.pid, signal.SIGUSR1)
    await asyncio.to_thread(ended.wait, 30)
    signal_child(process, signal.SIGTERM)
    asked.set()
    assert await process.wait() == -signal.SIGUSR1
    assert caplog.messages == []


async def test_a_child_that_ends_when_asked_is_not_killed() -> None:
    process = await _child(_ENDS_ON_SIGTERM)
    await end_child(process, grace=30)
    assert process.returncode == -signal.SIGTERM


async def test_a_child_can_be_asked_to_end_by_another_signal() -> None:
    process = await _child(_IGNORES_SIGTERM)
    await end_child(process, grace=30, request=signal.SIGINT)
    assert process.returncode == -signal.SIGINT


async def test_a_child_that_does_not_end_is_killed() -> None:
    process = await _child(_IGNORES_SIGTERM)
    await end_child(process, grace=0.1)
    assert process.returncode == -signal.SIGKILL


async def test_without_grace_a_child_is_killed_at_once_and_an_ended_one_is_left_alone() -> None:
    process = await _child(_ENDS_ON_SIGTERM)
    await end_child(process)
    await end_child(process, grace=30)
    assert process.returncode == -signal.SIGKILL


async def test_a_child_is_killed_if_nobody_waits_for_its_end_any_more() -> None:
    process = await _child(_IGNORES_SIGTERM)
    ending = asyncio.create_task(end_child(process, grace=30))
    await asyncio.sleep(0)
    ending.cancel()
    assert await process.wait() == -signal.SIGKILL


async def test_the_output_of_a_child_is_returned_with_its_exit_status() -> None:
    program = "import os, sys; print(sys.stdin.read() + os.environ['MORE'], end=''); sys.exit('failed')"
    said = await run_child("-c", program, given=b"Hello ", environment={"MORE": "there"}, limit=30)
    assert said == ChildOutput(1, b"Hello there", b"failed\n")


async def test_a_child_whose_output_nobody_awaits_any_more_is_ended(tmp_path: Path) -> None:
    file = tmp_path / "started"
    program = f"import os, pathlib, time; pathlib.Path({str(file)!r}).write_text(str(os.getpid())); time.sleep(60)"
    with pytest.raises(TimeoutError):
        await run_child("-c", "import time; time.sleep(60)", limit=0.1)
    running = asyncio.create_task(run_child("-c", program, limit=30))
    await wait_until(lambda: file.exists() and file.read_text())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not psutil.pid_exists(int(file.read_text()))
