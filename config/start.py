"""What programs do first: handling of Ctrl-C, the number of NumPy's threads, and one pool of memory."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_ARENA_MAX = -8
"""The number of glibc's option M_ARENA_MAX, from ``malloc.h``."""


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
    at each pause, just when the transcriber and the language model need the cores. If the operator has set
    ``OPENBLAS_NUM_THREADS``, its value is kept. Child processes inherit the setting.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def share_one_memory_pool() -> None:
    """Have all threads of this process take memory from one pool of glibc's. Call this before threads are started.

    Otherwise each thread has a pool (arena) of its own, and no other thread can use the memory that it has freed. With
    engines in the process, these pools grow with each call. What the operator has set in the environment is kept. Other
    C libraries have no such pools. See ``mallopt(3)``.
    """
    chosen = "MALLOC_ARENA_MAX" in os.environ or "GLIBC_TUNABLES" in os.environ
    if platform.libc_ver()[0] == "glibc" and not chosen:
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
