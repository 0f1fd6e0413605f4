"""How many processor cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path

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
