"""Stands in for ``toys.whisper.making`` in tests of the cache: it has the same arguments, and makes no real weights."""

from __future__ import annotations

import sys
from pathlib import Path

STEPS = 20


def main(_parent: str, work: str, folder: str, *_: str) -> None:
    for step in range(STEPS):
        sys.stdout.write(f"{(step + 1) / STEPS}\n")
    if work == "fit":
        model = Path(folder) / "model"
        model.mkdir()
        (model / "model.bin").write_bytes(bytes(2_000_000))


if __name__ == "__main__":
    main(*sys.argv[1:])
