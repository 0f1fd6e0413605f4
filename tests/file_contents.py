"""Finds files by the words in them."""

from __future__ import annotations

from pathlib import Path


def files_with(folder: Path, words: str) -> set[str]:
    """The files anywhere in ``folder`` that have these words, in upper or lower case. Reading them blocks."""
    sought = words.encode().lower()
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix() for path in files if sought in path.read_bytes().lower()}
