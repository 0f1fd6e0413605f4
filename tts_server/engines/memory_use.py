"""Measures and releases the memory that this process uses, of the machine and of the GPUs."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from dataclasses import dataclass
from pathlib import Path

_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Memory that the process uses, in bytes.

    Attributes:
        ram: the machine's memory that the process uses; 0 if the system doesn't tell.
        gpus: the memory of all GPUs together that PyTorch has reserved for the process.
    """

    ram: int
    gpus: int

    def change_until_now(self) -> str:
        """Describe how the use has changed since this measurement."""
        now = measure_memory()
        return (
            f"memory {self.ram / _MEGABYTE:,.0f} to {now.ram / _MEGABYTE:,.0f} MB, "
            f"cards {self.gpus / _MEGABYTE:,.0f} to {now.gpus / _MEGABYTE:,.0f} MB"
        )


def measure_memory() -> MemoryUse:
    """Measure the memory that this process uses now."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        ram = pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        ram = 0
    # PyTorch takes seconds to import: use it only if it is imported already.
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return MemoryUse(ram, 0)
    return MemoryUse(ram, sum(torch.cuda.memory_reserved(gpu) for gpu in range(torch.cuda.device_count())))


def release_memory() -> None:
    """Collect garbage, and return free memory to the system and to the GPU driver."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        # glibc keeps freed memory for later use, unless told to return it. Other C libraries lack this function.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
