"""The folder in which pytest makes the folders of tests: in memory, where possible."""

from __future__ import annotations

import os
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 2_000_000_000
"""Number of free bytes that the memory must have. All tests together use a fraction of them."""
VARIABLE = "PYTEST_DEBUG_TEMPROOT"
"""The variable that tells pytest where to make its folders."""


def folder_in_memory(memory: Path = MEMORY) -> Path | None:
    """A folder whose files are in memory; ``None`` if there is none with enough room.

    On a disk, SQLite waits at each change. In most tests, these waits take as long as everything else together.
    Containers often do not let programs in ``memory`` be run. Some tests write programs and run them, so such a folder
    is not used.
    """
    try:
        state = os.statvfs(memory)
    except OSError:
        return None
    roomy = state.f_bavail * state.f_frsize >= ROOM
    usable = not state.f_flag & os.ST_NOEXEC and os.access(memory, os.W_OK)
    return memory if roomy and usable else None


def use_memory() -> None:
    """Let pytest make its folders in memory, unless somebody has chosen a folder."""
    if (folder := folder_in_memory()) is not None:
        os.environ.setdefault(VARIABLE, str(folder))
