"""The number of processor cores that this process may use, and the load of the machine."""

from __future__ import annotations

import os
from pathlib import Path

from bot.text import counted

VERY_BUSY = 2.0
"""If the load per core is higher than this, the bot may miss its time limits only because the machine is busy."""
CONTAINER_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(limit: Path = CONTAINER_LIMIT) -> int:
    """The number of cores that this process may use, by its CPU affinity and its container's limit; at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = limit.read_text(encoding="ascii").split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        # There is no container, or it has no limit ("max").
        return cores


def busy_text(load: float, cores: int) -> str:
    """A sentence for people if the machine is so busy that this may explain a failure; otherwise ""."""
    if load <= VERY_BUSY * cores + 1:
        return ""
    on = counted(cores, "core")
    return f"This machine is very busy (load {load:.1f} on {on}): when it is quieter, another attempt may well succeed."


def busy_now() -> str:
    """A sentence for people if this machine was very busy in the last minute; otherwise "".

    The sentence is that of :func:`busy_text`. It is "" if the system does not report its load.
    """
    return busy_text(os.getloadavg()[0], usable_cores()) if hasattr(os, "getloadavg") else ""
