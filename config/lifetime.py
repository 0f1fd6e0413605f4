"""Ends a process: cleanly and within a time limit after a signal, or when its parent process ends."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from config.patient_output import wait_for_log

T = TypeVar("T")

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
REPEATED_SIGNAL_SECONDS = 1.0
"""A second signal within this time is ignored: shells and make pass on a signal that the kernel has sent already."""
LAST_LINE_LIMIT = 0.5
"""Seconds that a process waits for its log's reader before it ends at once."""
_PR_SET_PDEATHSIG = 1
_SIGNALLED = 128

_log = logging.getLogger(__name__)


class Ending:
    """The request, made by a signal, that the process should end. Use it only on the main thread's event loop.

    Args:
        limit: seconds after the signal until the process is killed, even if its clean shutdown is not complete.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._requested = asyncio.Event()
        self._since = 0.0
        self.signal: int | None = None

    @property
    def status(self) -> int:
        """The exit status of a program that a signal ended, as in shells: 130 for Ctrl-C."""
        return _SIGNALLED + (self.signal or 0)

    async def wait(self) -> None:
        """Wait until a signal asks the process to end."""
        await self._requested.wait()

    def on_signal(self, number: int) -> None:
        """Handle a signal. A second signal ends the process at once, unless it closely follows the first."""
        if number == signal.SIGHUP:
            _detach_from_terminal()
        if self.signal is not None:
            if time.monotonic() - self._since >= REPEATED_SIGNAL_SECONDS:
                wait_for_log(LAST_LINE_LIMIT)
                os._exit(_SIGNALLED + number)
            return
        self.signal, self._since = number, time.monotonic()
        self._requested.set()
        last_resort = threading.Timer(self._limit, self._end_now)
        last_resort.daemon = True
        last_resort.start()

    def _end_now(self) -> None:
        _log.error("The shutdown took longer than %.0f s: the process ends now without completing it", self._limit)
        wait_for_log(LAST_LINE_LIMIT)
        os._exit(self.status)


@contextmanager
def ending_signals(limit: float) -> Iterator[Ending]:
    """Let SIGINT, SIGTERM and SIGHUP request the end of the process instead of ending it; see :class:`Ending`.

    A process started with ``nohup`` goes on when its terminal is closed.
    """
    loop, ending = asyncio.get_running_loop(), Ending(limit)
    numbers = [number for number in ENDING_SIGNALS if number == signal.SIGINT or not _is_ignored(number)]
    for number in numbers:
        loop.add_signal_handler(number, ending.on_signal, number)
    try:
        yield ending
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def until_ended(work: Coroutine[Any, Any, T], ending: Ending) -> T | None:
    """Run ``work``, and return its result. If the process should end first, cancel ``work`` and return ``None``."""
    working = asyncio.create_task(work, name="work")
    wishing = asyncio.create_task(ending.wait(), name="request to end")
    try:
        await asyncio.wait([working, wishing], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        wishing.cancel()
        await asyncio.gather(working, wishing, return_exceptions=True)


def end_with_parent(parent: int | None = None) -> None:
    """Have the kernel send this process SIGTERM when its parent dies (``prctl(2)``).

    It does nothing on other systems than Linux. For the kernel, the parent is the thread that started this process, so
    that thread must live as long as this process.

    Args:
        parent: id of the process that started this one, if it is known. It may have ended already.
    """
    if sys.platform != "linux":
        return
    expected = os.getppid() if parent is None else parent
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    # The parent may have ended before this request.
    if os.getppid() != expected:
        os.kill(os.getpid(), signal.SIGTERM)


def _is_ignored(number: int) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN


def _detach_from_terminal() -> None:
    """Replace the standard streams by the null device if they are a terminal, since using a closed one is an error."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        # A closed terminal is no longer a terminal, but it is still a character device.
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(stream).st_mode):
                os.dup2(nowhere, stream)
    os.close(nowhere)
