"""The lengths of sound files, as the files state them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bot.music.decoding import MusicError, decoder

SECONDS = 10.0
"""Seconds to wait for the lengths. After that they count as unknown, until they are asked for again."""
MAX_KNOWN = 10_000
"""Maximum number of lengths that are kept. If there were more, the older ones are dropped and read again if needed."""


class SoundLengths:
    """Reads the lengths of files in a process of its own. A known length is read again only if its file has changed."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, int], float | None] = {}

    async def of(self, files: Sequence[Path]) -> list[float | None]:
        """The length of each file in seconds; ``None`` where it is not known."""
        stamps = await asyncio.to_thread(lambda: [(file, _changed(file)) for file in files])
        new = [stamp for stamp in stamps if stamp not in self._known]
        if new:
            with suppress(MusicError, TimeoutError, ValueError, ConnectionError):
                async with asyncio.timeout(SECONDS):
                    found = await _read([file for file, _ in new])
                if len(self._known) + len(found) > MAX_KNOWN:
                    self._known.clear()
                self._known.update(zip(new, found, strict=True))
        return [self._known.get(stamp) for stamp in stamps]


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


async def _read(files: Sequence[Path]) -> list[float | None]:
    async with decoder("bot.music.lengths_process", takes_input=True) as (process, output):
        if process.stdin is not None:
            process.stdin.write(json.dumps(list(map(str, files))).encode())
            await process.stdin.drain()
            process.stdin.close()
        found: list[float | None] = json.loads(await output.read())
        return found
