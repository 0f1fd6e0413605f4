"""Runs Python in child processes, and ends child processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

from config.project import child_environment


@dataclass(frozen=True, slots=True)
class ChildOutput:
    """What a child process has written before its end.

    Attributes:
        status: its exit status; negative if a signal has ended it.
        errors: what it has written to its standard error.
    """

    status: int
    output: bytes
    errors: bytes


async def run_child(
    *arguments: str,
    limit: float,
    given: bytes = b"",
    environment: Mapping[str, str] = MappingProxyType({}),
    grace: float = 0.0,
) -> ChildOutput:
    """Run Python in a child process until it ends. It never outlives this call.

    Args:
        arguments: the interpreter's arguments.
        limit: seconds in which it must end.
        given: its standard input.
        environment: variables in addition to those of this process.
        grace: as for :func:`end_child`, if it does not end in time.

    Raises:
        TimeoutError: it did not end in time.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments),
        env=child_environment(environment),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # In a session of its own, the child gets no Ctrl-C. Only this process gets it, and ends the child.
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limit):
            output, errors = await process.communicate(given)
    finally:
        await end_child(process, grace)
    return ChildOutput(await process.wait(), output, errors)


async def end_child(
    process: asyncio.subprocess.Process, grace: float = 0.0, request: signal.Signals = signal.SIGTERM
) -> None:
    """End ``process`` and wait until it is gone. Does nothing if it has ended.

    Args:
        grace: seconds from ``request`` to SIGKILL; 0 sends only SIGKILL.
        request: the signal that asks the process to end.
    """
    try:
        if grace > 0:
            signal_child(process, request)
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
