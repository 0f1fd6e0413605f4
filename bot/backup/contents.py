"""What a backup is: the SQLite database, with a note of when it was made and an SQLite Archive of the files beside it.

It is one SQLite file. The files are in the table ``sqlar``, which SQLite's own shell lists with ``sqlite3 FILE -Atv``.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

VOICES, PERSONAS = "voices", "personas"
"""The folders in a backup."""
MAX_FILE_BYTES = 64 << 20
"""No file of a voice or persona is as large as this."""
OWN_TABLES = """
CREATE TABLE backup (made_at TEXT NOT NULL, version TEXT NOT NULL, folders TEXT NOT NULL) STRICT;
CREATE TABLE sqlar (name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB);
"""
DROP_OWN_TABLES = "DROP TABLE IF EXISTS backup; DROP TABLE IF EXISTS sqlar; VACUUM;"
_PLAIN_FILE = 0o100600

Report = Callable[[int], None]
"""Told how many more bytes are done."""


class BackupError(Exception):
    """It failed, and nothing has changed; the text says why."""


class RefusedError(BackupError):
    """It would fail again, until somebody names another file."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a backup says of itself: when (UTC) and by which version it was made, and which folders are in it."""

    made_at: str
    version: str
    folders: tuple[str, ...]


def read_note(database: sqlite3.Connection) -> Note | None:
    """The note in a backup; ``None`` in any other database. May raise :class:`sqlite3.Error`."""
    if database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'backup'").fetchone() is None:
        return None
    made_at, version, folders = database.execute("SELECT made_at, version, folders FROM backup").fetchone()
    return Note(str(made_at), str(version), tuple(str(folders).split()))


def files_of(folders: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """The files of each folder, with their names in the backup; what a program has hidden there is its own affair."""
    for name, folder in folders.items():
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            inside = path.relative_to(folder)
            hidden = any(part.startswith((".", "_")) for part in inside.parts)
            if not hidden and path.is_file() and not path.is_symlink():
                yield f"{name}/{inside.as_posix()}", path


def add_file(database: sqlite3.Connection, name: str, path: Path) -> None:
    """Put one file into the archive; may raise :class:`OSError` and :class:`sqlite3.Error`."""
    data, changed = path.read_bytes(), int(path.stat().st_mtime)
    packed = zlib.compress(data)
    database.execute(
        "INSERT INTO sqlar VALUES (?, ?, ?, ?, ?)",
        (name, _PLAIN_FILE, changed, len(data), packed if len(packed) < len(data) else data),
    )


def archived(database: sqlite3.Connection, folder: str) -> Iterator[tuple[PurePosixPath, bytes]]:
    """The files of one folder: their path in it, and what is in them.

    Raises:
        RefusedError: a name leads out of the folder, or the content is not what its size says.
    """
    for name, size, data in database.execute("SELECT name, sz, data FROM sqlar ORDER BY name"):
        path = PurePosixPath(str(name))
        if path.parts[:1] != (folder,):
            continue
        inside = PurePosixPath(*path.parts[1:])
        if path.is_absolute() or not inside.parts or ".." in path.parts or "\0" in str(name):
            raise RefusedError(f"it has a file with the name {str(name)!r}, which no backup has")
        if not isinstance(data, bytes) or not isinstance(size, int) or not 0 <= size <= MAX_FILE_BYTES:
            raise RefusedError(f"{name} in it is no file of a backup")
        content = data if len(data) == size else _unpacked(data, size)
        if content is None:
            raise RefusedError(f"{name} in it is damaged")
        yield inside, content


def _unpacked(data: bytes, size: int) -> bytes | None:
    unpacking = zlib.decompressobj()
    try:
        # One byte more than there should be, and never all that a hostile file may unpack to.
        content = unpacking.decompress(data, size + 1)
    except zlib.error:
        return None
    return content if len(content) == size else None
