"""Memory: how much this process holds, of the machine's and of the cards', and giving it back."""

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
    """Bytes: of the machine's memory (0 where the system doesn't say), and of all cards' through PyTorch."""

    ram: int
    gpus: int

    def change_until_now(self) -> str:
        """What has changed since, in words."""
        now = measure_memory()
        return (
            f"memory {self.ram / _MEGABYTE:,.0f} to {now.ram / _MEGABYTE:,.0f} MB, "
            f"cards {self.gpus / _MEGABYTE:,.0f} to {now.gpus / _MEGABYTE:,.0f} MB"
        )


def measure_memory() -> MemoryUse:
    """What this process holds now."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        ram = pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        ram = 0
    # Never imported for this alone.
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return MemoryUse(ram, 0)
    return MemoryUse(ram, sum(torch.cuda.memory_reserved(gpu) for gpu in range(torch.cuda.device_count())))


def release_memory() -> None:
    """Collect what nobody refers to any more, and return it: to the system, and to the cards' driver."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        # glibc keeps what was freed for the next time, which may never come; other libraries of C have no such call.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
