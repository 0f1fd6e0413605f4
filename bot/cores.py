"""How many processor cores this process may use, and how busy they are."""

from __future__ import annotations

import os
from pathlib import Path

VERY_BUSY = 2.0
"""Programs that want a core, for each that there is, beyond which nothing here takes its usual time."""
CONTAINER_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(limit: Path = CONTAINER_LIMIT) -> int:
    """The cores that the system lets it run on, or as many as its container has the time of; at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = limit.read_text(encoding="ascii").split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        # No container, or one without a limit ("max").
        return cores


def busy_words(load: float, cores: int) -> str:
    """A sentence where the machine is so busy that something may have failed for that; else empty."""
    if load <= VERY_BUSY * cores + 1:
        return ""
    on = "1 core" if cores == 1 else f"{cores} cores"
    return f"This machine is very busy (load {load:.1f} on {on}): on a quieter one it may well go through."


def busy_now() -> str:
    """The same of this machine, over the last minute; empty where the system does not tell."""
    return busy_words(os.getloadavg()[0], usable_cores()) if hasattr(os, "getloadavg") else ""
