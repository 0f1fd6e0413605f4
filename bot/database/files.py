"""The database's files on the disk: the file itself, SQLite's log files, and helpers to set files aside."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

PRIVATE_FOLDER_MODE = 0o700
"""Permissions of a folder that only the bot's own user account may read."""
PRIVATE_FILE_MODE = 0o600
"""Permissions of a file that only the bot's own user account may read."""
COMPANIONS = ("-wal", "-shm")
"""Endings of the file names of SQLite's write-ahead log and its index."""


def files_of_database(path: Path) -> tuple[Path, ...]:
    """The paths of the database file, its log and the log's index, whether these exist or not."""
    return (path, *(path.with_name(path.name + suffix) for suffix in COMPANIONS))


def free_name(folder: Path, stem: str) -> Path:
    """A path in ``folder`` that does not exist yet: ``stem`` and the current time (UTC)."""
    stem = f"{stem}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    path, number = folder / stem, 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}"
    return path


def link_or_copy(file: Path, kept: Path) -> None:
    """Make ``file`` available as ``kept`` too: as a hard link, or as a copy if the file system has no links.

    Raises:
        OSError: neither is possible.
    """
    try:
        os.link(file, kept)
    except OSError:
        shutil.copy2(file, kept)


def make_durable(path: Path) -> None:
    """Flush a file's content, or a folder's list of names, to the disk (fsync).

    Raises:
        OSError: the path can't be read, or the disk fails.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
