"""What other processes do: their state, and which of them run a Python module."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil


def state_of(pid: int) -> str:
    """The state of a process as the system says it: ``S`` sleeps, ``T`` is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def children_running(module: str, parent: psutil.Process | None = None) -> list[psutil.Process]:
    """The processes below this one, or below ``parent``, that run a Python module."""
    found = []
    for child in (parent or psutil.Process()).children(recursive=True):
        # A child may have ended since it was listed. Before exec, it is a copy of its parent.
        with suppress(psutil.Error):
            if module in child.cmdline():
                found.append(child)
    return found
