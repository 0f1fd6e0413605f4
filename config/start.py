"""The first moments of a program, in which it imports what it needs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


@contextmanager
def quiet_interrupts() -> Iterator[None]:
    """Let Ctrl-C end the process without a word while the block runs: an import can't be ended in order.

    Where Ctrl-C is ignored, it stays so. Only for the main thread.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def no_traceback_for_interrupts() -> None:
    """Let a ``KeyboardInterrupt`` that nobody takes end the process without a word, whenever it comes."""
    usual = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            usual(kind, error, trace)

    sys.excepthook = tell
