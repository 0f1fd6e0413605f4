"""The state of another process."""

from __future__ import annotations

from pathlib import Path


def state_of(pid: int) -> str:
    """The state of a process as the system says it: ``S`` sleeps, ``T`` is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
