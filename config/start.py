"""What programs do before they import anything large: handling of Ctrl-C, and the number of NumPy's threads."""

from __future__ import annotations

import os
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


def compute_on_one_thread() -> None:
    """Have NumPy multiply matrices on the calling thread alone. Call this before NumPy is imported.

    After each product, OpenBLAS's other threads wait busily, for up to 40 ms. The bot compares sound with its own voice
    at each pause, just when the transcriber and the language model need the cores. If the operator has
    set the variable, its value is kept. Child processes inherit the setting.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
