"""The contents of files."""

from __future__ import annotations

from pathlib import Path


def files_with(folder: Path, words: str) -> set[str]:
    """The files anywhere in ``folder`` that have these words, in upper or lower case. Blocks on the disk."""
    sought = words.encode().lower()
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix() for path in files if sought in path.read_bytes().lower()}
