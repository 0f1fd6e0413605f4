"""The database's files on the disk: the file itself, what SQLite keeps beside it, and how they are put aside."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

OWN_FOLDER, OWN_FILE = 0o700, 0o600
COMPANIONS = ("-wal", "-shm")
"""What the names of SQLite's log and of the log's index end with."""


def files_of_database(path: Path) -> tuple[Path, ...]:
    """The file, its log and the log's index, whether they are there or not."""
    return (path, *(path.with_name(path.name + suffix) for suffix in COMPANIONS))


def free_name(folder: Path, stem: str) -> Path:
    """A name in ``folder`` that nothing has yet, with the time (UTC) in it."""
    stem = f"{stem}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    path, number = folder / stem, 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}"
    return path


def keep(file: Path, kept: Path) -> None:
    """Have ``file`` under another name too; where the file system knows no links, as a copy. May raise OSError."""
    try:
        os.link(file, kept)
    except OSError:
        shutil.copy2(file, kept)


def make_durable(path: Path) -> None:
    """Have a file's content, or a folder's names, on the disk when this returns; may raise OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
