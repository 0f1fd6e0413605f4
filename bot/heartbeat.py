"""The heartbeat file: written regularly while the event loop runs, with the state of the bot.

The bot holds a lock on the file, so that other programs notice at once when the bot was killed. An unreachable Discord
does not stop the heartbeat: the bot reconnects by itself, and a restart would not help.

``python -m bot.heartbeat FILE`` exits with status 0 while the file is written. ``python -m bot health`` shows more.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

FILE = "heartbeat"
"""The name of the file in DATA_DIR."""
INTERVAL = 5.0
"""Seconds between two heartbeats."""
DEAD_AFTER = 60.0
"""Seconds without a heartbeat after which ``python -m bot.heartbeat`` exits with status 1."""
_MAX_BYTES = 65_536
_PRIVATE = 0o600

State = Mapping[str, str]


async def beat(file: Path, interval: float = INTERVAL, state: Callable[[], State] = dict) -> None:
    """Write the state into ``file`` every ``interval`` seconds until cancelled; raises :class:`OSError`."""
    with _HeldFile(file) as held:
        while True:
            await asyncio.to_thread(held.write, json.dumps(state()))
            await asyncio.sleep(interval)


def silent_seconds(file: Path) -> float:
    """Seconds since the last heartbeat; infinity if there was none."""
    try:
        return max(0.0, time.time() - file.stat().st_mtime)
    except OSError:
        return math.inf


def is_held(file: Path) -> bool:
    """Whether a running bot has the lock. Also True if the file system does not support locks."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def last_state(file: Path) -> State | None:
    """The last state in the file; ``None`` if it can't be read."""
    try:
        with file.open("rb") as opened:
            fields = json.loads(opened.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return {str(name): str(value) for name, value in fields.items()} if isinstance(fields, dict) else None


class _HeldFile:
    """The file, locked while it is open."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor = -1
        self._locked = False

    def __enter__(self) -> Self:
        self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, _PRIVATE)
        self._lock()
        return self

    def _lock(self) -> None:
        # Another process that checks the lock holds it for a moment, so this may fail. The next heartbeat tries again.
        with suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._locked = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def write(self, text: str) -> None:
        if not self._locked:
            self._lock()
        # Spaces overwrite the rest of the last state, so that a reader never sees parts of two states.
        data = text.encode()
        size = os.fstat(self._descriptor).st_size
        os.pwrite(self._descriptor, data.ljust(size), 0)
        os.ftruncate(self._descriptor, len(data))


def main() -> int:
    """Print the time since the last heartbeat. Returns the exit status."""
    if len(sys.argv) != 2:
        print("Usage: python -m bot.heartbeat FILE", file=sys.stderr)  # noqa: T201
        return 2
    silent = silent_seconds(Path(sys.argv[1]))
    print("No sign of life yet." if math.isinf(silent) else f"The last sign of life: {silent:.0f} s ago.")  # noqa: T201
    return 0 if silent < DEAD_AFTER else 1


if __name__ == "__main__":
    sys.exit(main())
