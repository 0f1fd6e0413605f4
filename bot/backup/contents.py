"""Contents of a backup: a copy of the SQLite database with two more tables, for a note and for files.

The note says when the backup was made. The files (voices and personas) are an SQLite Archive in the table ``sqlar``;
SQLite's command line lists them with ``sqlite3 FILE -Atv``.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bot.database.integrity import find_damage
from bot.database.opening import open_database
from bot.database.schema import APPLICATION_ID, Schema, read_migrations, schema_of, schema_of_version, version_of

VOICES, PERSONAS = "voices", "personas"
"""Names of the folders in a backup."""
MAX_FILE_BYTES = 64 << 20
"""Largest file in a backup, in bytes. Files of voices and personas are much smaller."""
BACKUP_TABLES = """
CREATE TABLE backup (made_at TEXT NOT NULL, version TEXT NOT NULL, folders TEXT NOT NULL) STRICT;
CREATE TABLE sqlar (name TEXT PRIMARY KEY, mode INT, mtime INT, sz INT, data BLOB);
"""
DROP_BACKUP_TABLES = "DROP TABLE IF EXISTS backup; DROP TABLE IF EXISTS sqlar; VACUUM;"
_PLAIN_FILE = 0o100600
_TABLES_OF_OLD = {("table", "setting"), ("table", "call"), ("table", "listening_choice")}
"""Tables in every database that is so old that it has no application id."""

Report = Callable[[int], None]
"""Called with the number of bytes that were processed since the last call."""


class BackupError(Exception):
    """A backup or restore failed, and nothing has changed. The message says why."""


class BackupRefusedError(BackupError):
    """The named file can't be used, so another attempt with it would fail too."""


@dataclass(frozen=True, slots=True)
class Note:
    """Description of a backup, stored in the backup.

    Attributes:
        made_at: the time at which the backup was made, UTC, in ISO format.
        version: the version of the bot that made the backup.
        folders: names of the folders in the backup.
    """

    made_at: str
    version: str
    folders: tuple[str, ...]


def read_note(database: sqlite3.Connection) -> Note | None:
    """Read the note in a backup; ``None`` if the database is not a backup.

    Raises:
        BackupRefusedError: the table for the note is empty.
        sqlite3.Error: the database can't be read.
    """
    if database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'backup'").fetchone() is None:
        return None
    row = database.execute("SELECT made_at, version, folders FROM backup").fetchone()
    if row is None:
        raise BackupRefusedError("it does not say what is in it")
    made_at, version, folders = row
    return Note(str(made_at), str(version), tuple(str(folders).split()))


def check_content(path: Path, name: Path) -> Note | None:
    """Check that the database at ``path`` is a backup or a plain copy of a bot's database; returns the backup's note.

    The file may come from an attacker, and it will become the bot's database. So its schema must be exactly the schema
    of its version. Additional triggers or views, for example, are refused.

    Args:
        name: the file's name in error messages.

    Raises:
        BackupRefusedError: the file is damaged, or not a database of the bot.
        sqlite3.Error: the file can't be read.
    """
    if (damage := find_damage(path)) is not None:
        raise BackupRefusedError(f"{name} is damaged ({damage}).")
    with open_database(path, "ro") as database:
        found = schema_of(database)
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
        expected = schema_of_version(version) | (_backup_parts() if ("table", "backup") in found else {})
        for kind, part in sorted(found.keys() | expected.keys()):
            strange = found.get((kind, part)) != expected.get((kind, part))
            # A database from before migrations may have only some of the tables.
            if strange and not (old and (kind, part) not in found):
                raise BackupRefusedError(f"{name} is no backup of Seiyuu: its {kind} {part} was not made by Seiyuu.")
        try:
            return read_note(database)
        except BackupRefusedError as error:
            raise BackupRefusedError(f"{name} is no backup of Seiyuu: {error}.") from error


def _backup_parts() -> Schema:
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(BACKUP_TABLES)
        return schema_of(database)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden by its name. Programs use such names for internal files, which are skipped."""
    return name.startswith((".", "_"))


def files_of(folders: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """The files in the folders, with their names in the backup. Hidden files and symbolic links are skipped."""
    for name, folder in folders.items():
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            inside = path.relative_to(folder)
            if not any(map(is_hidden, inside.parts)) and path.is_file() and not path.is_symlink():
                yield f"{name}/{inside.as_posix()}", path


def add_file(database: sqlite3.Connection, name: str, path: Path) -> int:
    """Add one file to the archive; returns its size in bytes.

    Raises:
        BackupRefusedError: the file is too large, or its name is not valid UTF-8.
        OSError: the file can't be read.
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
    """Size of the unpacked files of one folder in the archive, in bytes.

    Raises:
        sqlite3.Error: the archive can't be read.
    """
    query = "SELECT total(sz) FROM sqlar WHERE name LIKE ? || '/%' AND typeof(sz) = 'integer' AND sz BETWEEN 0 AND ?"
    return int(database.execute(query, (folder, MAX_FILE_BYTES)).fetchone()[0])


def archived(database: sqlite3.Connection, folder: str) -> Iterator[tuple[PurePosixPath, bytes]]:
    """The files of one folder in the archive: their paths in the folder, and their contents.

    Raises:
        BackupRefusedError: a file is damaged, or its path or size is not one that a backup has.
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
            raise BackupRefusedError(f"{name} in it is not a file of a backup")
        if not files.isdisjoint(inside.parents):
            raise BackupRefusedError(f"{name} in it lies in a file, not in a folder")
        files.add(inside)
        content = data if len(data) == size else _unpacked(data, size)
        if content is None:
            raise BackupRefusedError(f"{name} in it is damaged")
        yield inside, content


def _unpacked(data: bytes, size: int) -> bytes | None:
    unpacking = zlib.decompressobj()
    try:
        # At most one byte more than expected is unpacked, because a malicious file could unpack to any size.
        content = unpacking.decompress(data, size + 1)
    except zlib.error:
        return None
    return content if len(content) == size else None
