"""When a process ends: on a signal, in order and in time, or with the process that started it."""

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

T = TypeVar("T")

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAME_WISH = 1.0
"""Seconds within which a second signal is the first one again: shells and make pass on what the kernel sent already."""
_PR_SET_PDEATHSIG = 1
_SIGNALLED = 128

_log = logging.getLogger(__name__)


class Ending:
    """The wish that the process may end, which a signal brings. Belongs to the main thread's event loop.

    Args:
        limit: seconds after the signal at which the process is ended, however far it has come.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._wished = asyncio.Event()
        self._since = 0.0
        self.signal: int | None = None

    @property
    def status(self) -> int:
        """The exit status of a program that a signal interrupted, as shells have it: 130 for Ctrl-C."""
        return _SIGNALLED + (self.signal or 0)

    async def wait(self) -> None:
        """Return when the process is to end."""
        await self._wished.wait()

    def on_signal(self, number: int) -> None:
        """Take a signal; one that comes a while after the first ends the process at once."""
        if number == signal.SIGHUP:
            _let_go_of_the_terminal()
        if self.signal is not None:
            if time.monotonic() - self._since >= SAME_WISH:
                os._exit(_SIGNALLED + number)
            return
        self.signal, self._since = number, time.monotonic()
        self._wished.set()
        last_resort = threading.Timer(self._limit, self._end_all_the_same)
        last_resort.daemon = True
        last_resort.start()

    def _end_all_the_same(self) -> None:
        _log.error("Ending took longer than %.0f s; what is left is given up", self._limit)
        os._exit(self.status)


@contextmanager
def ending_signals(limit: float) -> Iterator[Ending]:
    """Turn SIGINT, SIGTERM and SIGHUP into a wish, instead of the end of the process; see :class:`Ending`.

    What was started with ``nohup`` goes on when its terminal is closed.
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
    """What ``work`` returns or raises; where the process is to end before that, it is cancelled: then ``None``."""
    working = asyncio.create_task(work, name="work")
    wishing = asyncio.create_task(ending.wait(), name="wish to end")
    try:
        await asyncio.wait([working, wishing], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        wishing.cancel()
        await asyncio.gather(working, wishing, return_exceptions=True)


def end_with_parent(parent: int | None = None) -> None:
    """Have the kernel send this process SIGTERM when its parent dies (``prctl(2)``). Does nothing but on Linux.

    The kernel's parent is the thread that started us: start the process from a thread that lives as long as it should.

    Args:
        parent: the process that started this one, where that is known; it may be dead already.
    """
    if sys.platform != "linux":
        return
    before = os.getppid() if parent is None else parent
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    # It may have died before the kernel was asked.
    if os.getppid() != before:
        os.kill(os.getpid(), signal.SIGTERM)


def _is_ignored(number: int) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN


def _let_go_of_the_terminal() -> None:
    """It may be gone, and then whoever writes to it, or reads from it, gets an error."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        # One that was closed is no terminal any more, but still a device.
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(stream).st_mode):
                os.dup2(nowhere, stream)
    os.close(nowhere)
