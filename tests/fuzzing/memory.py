"""Memory of this process, for finding leaks."""

from __future__ import annotations

import ctypes
import gc

import psutil


def held_memory() -> int:
    """Bytes of memory that this process alone holds, without what is free and only kept for later use.

    The C library keeps freed memory, for example much of it after one large picture, and the process stays large. So
    this function first gives freed memory back to the system. Pages that other processes share, such as those of
    libraries, don't count.
    """
    gc.collect()
    # Only the GNU C library has this function. Elsewhere, freed memory that is kept counts as held.
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)
    return int(psutil.Process().memory_full_info().uss)
