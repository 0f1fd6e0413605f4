"""The store of measured loudness: one small file for each piece of music, named by the hash of its content."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path

MAX_KEPT = 2_000
"""Maximum number of pieces whose loudness is kept. If there are more, the oldest are forgotten."""


class LoudnessStore:
    """The loudness and the length of pieces, by the SHA-256 of their files. Blocks: it uses the disk.

    A store that can't be read or written is as good as an empty one: the piece is only measured again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, digest: str) -> tuple[float, float] | None:
        """The loudness in LUFS and the length in seconds; ``None`` if they were not kept."""
        try:
            kept = json.loads((self._folder / digest).read_text(encoding="utf-8"))
            loudness, seconds = float(kept["lufs"]), float(kept["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return None if math.isnan(loudness) or not 0 <= seconds < math.inf else (loudness, seconds)

    def keep(self, digest: str, loudness: float, seconds: float) -> None:
        """Keep the loudness and the length of a piece."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            new = self._folder / f"{digest}.new"
            new.write_text(json.dumps({"lufs": max(loudness, -1e3), "seconds": seconds}), encoding="utf-8")
            new.replace(self._folder / digest)
            kept = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)
            for path in kept[: max(len(kept) - MAX_KEPT, 0)]:
                path.unlink(missing_ok=True)
