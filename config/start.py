"""Handling of Ctrl-C while a program starts."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_interrupts() -> Iterator[None]:
    """Make Ctrl-C end the process silently during the block, since imports can't be interrupted cleanly.

    If Ctrl-C is ignored, it stays ignored. Use this only on the main thread.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
