"""A file that is touched as long as the event loop runs: how a container's health check knows that it does.

``python -m bot.heartbeat FILE`` ends with status 0 if it does. Whether Discord can be reached is no part of it: the bot
reconnects by itself, and starting it anew would help nobody.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from pathlib import Path

FILE = "heartbeat"
"""In DATA_DIR."""
INTERVAL = 10.0
DEAD_AFTER = 60.0


async def beat(file: Path, interval: float = INTERVAL) -> None:
    """Touch ``file`` every ``interval`` seconds until cancelled; raises :class:`OSError`."""
    while True:
        await asyncio.to_thread(file.touch)
        await asyncio.sleep(interval)


def silent_seconds(file: Path) -> float:
    """Since the last beat; without end where there was none."""
    try:
        return max(0.0, time.time() - file.stat().st_mtime)
    except OSError:
        return math.inf


def main() -> int:
    """Say how long ago it was."""
    if len(sys.argv) != 2:
        print("Usage: python -m bot.heartbeat FILE", file=sys.stderr)  # noqa: T201
        return 2
    silent = silent_seconds(Path(sys.argv[1]))
    print("No sign of life yet." if math.isinf(silent) else f"The last sign of life: {silent:.0f} s ago.")  # noqa: T201
    return 0 if silent < DEAD_AFTER else 1


if __name__ == "__main__":
    sys.exit(main())
