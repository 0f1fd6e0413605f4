"""Ends child processes."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress


async def end_child(process: asyncio.subprocess.Process, grace: float = 0.0) -> None:
    """End ``process`` and wait until it is gone. Does nothing if it has ended.

    Args:
        grace: seconds from SIGTERM to SIGKILL; 0 sends only SIGKILL.
    """
    try:
        if grace > 0:
            signal_child(process, signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await process.wait()
    finally:
        # The process is killed even if this task is cancelled meanwhile: otherwise it would run on, and nobody
        # would wait for its end.
        signal_child(process, signal.SIGKILL)
    await process.wait()


def signal_child(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to a child process. Does nothing if it has ended.

    asyncio's ``send_signal``, ``terminate`` and ``kill`` poll the process first. If it has just ended, they take its
    exit status away from the thread in which asyncio waits for it. That thread then logs "Unknown child process" and
    reports status 255.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
