"""Ending a child process: asked first if it may take a while, killed otherwise."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress


async def end_child(process: asyncio.subprocess.Process, patience: float = 0.0) -> None:
    """End ``process`` and wait until it is gone; does nothing to one that has ended.

    Args:
        patience: seconds that it may take to end itself after SIGTERM, before it is killed; 0 kills it at once.
    """
    if patience > 0:
        signal_child(process, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await process.wait()
    signal_child(process, signal.SIGKILL)
    await process.wait()


def signal_child(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to a child; one that has ended is left alone.

    ``process.send_signal``, ``terminate`` and ``kill`` look first whether the child has ended. If it has, they take its
    exit status away from the thread in which asyncio waits for it, which then logs "Unknown child process" and reports
    status 255.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
