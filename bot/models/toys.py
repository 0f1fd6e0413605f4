"""The project's own toy weights, as the list of models shows them: they are made on this machine, not downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.models.catalogue import Part, Source
from toys.cache import model_files, whisper_files


@dataclass(frozen=True, slots=True)
class Toy:
    """One of them. Nobody has sums to compare it with: what is damaged is made anew."""

    id: str
    part: Part
    source: Source
    present: bool
    size: int
    licence: str
    sha256_ok: bool | None = None


def toys_in(cache_dir: Path) -> Iterator[Toy]:
    """The toys, and whether an earlier start has left them in the cache."""
    for name, part, files in (
        ("toy-whisper", Part.EARS, whisper_files(cache_dir)),
        ("toy-model", Part.MIND, model_files(cache_dir)),
    ):
        yield Toy(name, part, Source.TOY, bool(files), sum(path.stat().st_size for path in files), "mit")
