"""What a backup is: the SQLite database, with a note of when it was made and an SQLite Archive of the files beside it.

It is one SQLite file. The files are in the table ``sqlar``, which SQLite's own shell lists with ``sqlite3 FILE -Atv``.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bot.database.integrity import find_damage
from bot.database.opening import opened
from bot.database.schema import APPLICATION_ID, Parts, parts_of, parts_of_version, read_migrations, version_of

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
_TABLES_OF_OLD = {("table", "setting"), ("table", "call"), ("table", "listening_choice")}
"""What every database has that is older than its own mark."""

Report = Callable[[int], None]
"""Told how many more bytes are done."""


class BackupError(Exception):
    """It failed, and nothing has changed; the text says why."""


class BackupRefusedError(BackupError):
    """It would fail again, until somebody names another file."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a backup says of itself: when (UTC) and by which version it was made, and which folders are in it."""

    made_at: str
    version: str
    folders: tuple[str, ...]


def read_note(database: sqlite3.Connection) -> Note | None:
    """The note in a backup; ``None`` in any other database.

    Raises:
        BackupRefusedError: it is empty.
        sqlite3.Error: it can't be read.
    """
    if database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'backup'").fetchone() is None:
        return None
    row = database.execute("SELECT made_at, version, folders FROM backup").fetchone()
    if row is None:
        raise BackupRefusedError("it does not say what is in it")
    made_at, version, folders = row
    return Note(str(made_at), str(version), tuple(str(folders).split()))


def check_content(path: Path, name: Path) -> Note | None:
    """Whether the database at ``path`` is a backup of ours, or a plain copy; returns its note, if it has one.

    A file may come from anybody, and what it brings stays in the bot's database: its tables have to be those that its
    version made, and a trigger or a view of somebody else is none of them.

    Args:
        name: what it is called in the text of the error.

    Raises:
        BackupRefusedError: it is none, or it is damaged.
        sqlite3.Error: it can't be read.
    """
    if (damage := find_damage(path)) is not None:
        raise BackupRefusedError(f"{name} is damaged ({damage}).")
    with opened(path, "ro") as database:
        found = parts_of(database)
        (mark,) = database.execute("PRAGMA application_id").fetchone()
        version, newest = version_of(database), len(read_migrations())
        old = mark == version == 0 and found.keys() >= _TABLES_OF_OLD
        if version < 0 or (mark != APPLICATION_ID and not old):
            raise BackupRefusedError(f"{name} is no backup of Seiyuu.")
        if version > newest:
            raise BackupRefusedError(
                f"{name} was made by a newer Seiyuu (its tables have version {version}, this one knows {newest}). "
                "Update Seiyuu, then restore it."
            )
        expected = parts_of_version(version) | (_own_parts() if ("table", "backup") in found else {})
        for kind, part in sorted(found.keys() | expected.keys()):
            strange = found.get((kind, part)) != expected.get((kind, part))
            # One without steps has some of the tables only.
            if strange and not (old and (kind, part) not in found):
                raise BackupRefusedError(
                    f"{name} is no backup of Seiyuu: its {kind} {part} is none that Seiyuu has made."
                )
        try:
            return read_note(database)
        except BackupRefusedError as error:
            raise BackupRefusedError(f"{name} is no backup of Seiyuu: {error}.") from error


def _own_parts() -> Parts:
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(OWN_TABLES)
        return parts_of(database)


def is_hidden(name: str) -> bool:
    """Whether a file or folder in a folder of a backup is the affair of the program that made it."""
    return name.startswith((".", "_"))


def files_of(folders: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """The files of each folder, with their names in the backup; what a program has hidden there is its own affair."""
    for name, folder in folders.items():
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            inside = path.relative_to(folder)
            if not any(map(is_hidden, inside.parts)) and path.is_file() and not path.is_symlink():
                yield f"{name}/{inside.as_posix()}", path


def add_file(database: sqlite3.Connection, name: str, path: Path) -> int:
    """Put one file into the archive; returns its size.

    Raises:
        BackupRefusedError: it can't be in a backup.
        OSError: it can't be read.
        sqlite3.Error: the archive can't be written.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        raise BackupRefusedError("its name is not written in UTF-8") from None
    known = path.stat()
    if known.st_size > MAX_FILE_BYTES:
        raise BackupRefusedError(f"it is larger than {MAX_FILE_BYTES >> 20} MiB")
    data, changed = path.read_bytes(), int(known.st_mtime)
    packed = zlib.compress(data)
    database.execute(
        "INSERT INTO sqlar VALUES (?, ?, ?, ?, ?)",
        (name, _PLAIN_FILE, changed, len(data), packed if len(packed) < len(data) else data),
    )
    return len(data)


def size_in(database: sqlite3.Connection, folder: str) -> int:
    """How many bytes the files of one folder have when they are unpacked; may raise :class:`sqlite3.Error`."""
    query = "SELECT total(sz) FROM sqlar WHERE name LIKE ? || '/%' AND typeof(sz) = 'integer' AND sz BETWEEN 0 AND ?"
    return int(database.execute(query, (folder, MAX_FILE_BYTES)).fetchone()[0])


def archived(database: sqlite3.Connection, folder: str) -> Iterator[tuple[PurePosixPath, bytes]]:
    """The files of one folder: their path in it, and what is in them.

    Raises:
        BackupRefusedError: a name leads out of the folder, or the content is not what its size says.
    """
    files: set[PurePosixPath] = set()
    for name, size, data in database.execute("SELECT name, sz, data FROM sqlar ORDER BY name"):
        path = PurePosixPath(str(name))
        if path.parts[:1] != (folder,):
            continue
        inside = PurePosixPath(*path.parts[1:])
        strange = path.is_absolute() or not inside.parts or any(map(is_hidden, path.parts))
        if strange or any(sign in str(name) for sign in "\0\ufffd"):
            raise BackupRefusedError(f"it has a file with the name {str(name)!r}, which no backup has")
        if not isinstance(data, bytes) or not isinstance(size, int) or not 0 <= size <= MAX_FILE_BYTES:
            raise BackupRefusedError(f"{name} in it is no file of a backup")
        if not files.isdisjoint(inside.parents):
            raise BackupRefusedError(f"{name} in it lies in a file")
        files.add(inside)
        content = data if len(data) == size else _unpacked(data, size)
        if content is None:
            raise BackupRefusedError(f"{name} in it is damaged")
        yield inside, content


def _unpacked(data: bytes, size: int) -> bytes | None:
    unpacking = zlib.decompressobj()
    try:
        # One byte more than there should be, and never all that a hostile file may unpack to.
        content = unpacking.decompress(data, size + 1)
    except zlib.error:
        return None
    return content if len(content) == size else None
