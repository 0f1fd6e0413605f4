"""Handling of Ctrl-C while a program starts."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


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


def no_traceback_for_interrupts() -> None:
    """Make an uncaught ``KeyboardInterrupt`` end the process without a traceback."""
    previous_hook = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            previous_hook(kind, error, trace)

    sys.excepthook = tell
