"""Integrity check of the database at each start. A damaged database is set aside, and its readable rows are copied."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.database.files import COMPANIONS, PRIVATE_FILE_MODE, files_of_database, free_name, link_or_copy
from bot.database.opening import open_database, sqlite_errors_only
from bot.database.schema import (
    APPLICATION_ID,
    DatabaseError,
    full_text_tables,
    migrate,
    read_migrations,
    refuse_newer,
    schema_of,
    schema_of_version,
    version_of,
)
from config.place import bot_command

DAMAGED = "damaged"
CHOICES_LOST_WITH = "listening choices lost with"
"""Key in the table ``setting``. Its value names the damaged file in which not all listening choices could be read."""
MEMORY_CHOICES_LOST_WITH = "memory choices lost with"
"""Key in the table ``setting``. Its value names the damaged file in which not all choices about being remembered could
be read."""
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_CHOICES = "listening_choice"
_MEMORY_CHOICES = "memory_choice"


@dataclass(frozen=True, slots=True)
class Rescue:
    """Result of the rescue of a damaged database. ``str(rescue)`` is the message for people.

    Attributes:
        kept: the new path of the damaged file.
        rows: the number of rows that could be read.
        incomplete: names of the tables of which rows are missing.
    """

    kept: Path
    rows: int
    incomplete: tuple[str, ...]

    def __str__(self) -> str:
        if not self.incomplete:
            saved = f"all of its {self.rows} rows could be read and are in a new one"
        elif self.rows:
            lacking = ", ".join(self.incomplete)
            saved = f"{self.rows} rows could be read and are in a new one, but some are lost from: {lacking}"
        else:
            saved = "nothing in it could be read, so a new one begins empty"
        return (
            f"The database was damaged and is kept as {self.kept}: {saved}. "
            f"If you have a backup, `{bot_command('restore FILE')}` brings it back."
        )


def find_damage(path: Path) -> str | None:
    """Check the database at ``path``; returns SQLite's description of the damage, ``None`` if there is none.

    Blocks on the disk, and changes nothing.

    Raises:
        DatabaseError: the file can't be read at all, for example because of its permissions.
    """
    try:
        with open_database(path) as database:
            (found,) = database.execute("PRAGMA integrity_check(1)").fetchone()
            if found == "ok":
                return _lacking(database)
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise DatabaseError(f"{path} can't be read: {error}.") from error
        return str(error)
    return " ".join(str(found).replace("*** in database main ***", "").split())


def _lacking(database: sqlite3.Connection) -> str | None:
    """Describe the damage if a database of the bot lacks a table; ``None`` if it lacks none.

    A table also seems to be missing if its name in the schema is damaged.
    """
    version, (mark,) = version_of(database), database.execute("PRAGMA application_id").fetchone()
    if mark != APPLICATION_ID or not 0 < version <= len(read_migrations()):
        return None
    tables = schema_of(database).keys()
    lost = (name for kind, name in schema_of_version(version) if kind == "table" and (kind, name) not in tables)
    return next((f"it lacks the table {name}" for name in sorted(lost)), None)


def rescue(path: Path) -> Rescue:
    """Set a damaged database aside, and create a new one with all rows that can be read. Blocks on the disk.

    The damaged file is never changed. If anything fails, it is still there: at ``path``, or where it was set aside.

    Raises:
        DatabaseError: the new database can't be created, or a newer version of the bot wrote the damaged one.
    """
    fresh = path.with_name(f"{path.name}.new")
    kept = free_name(path.parent, f"{path.name}.{DAMAGED}")
    try:
        with working_copy(path, path.with_name(f"{path.name}.rescue")) as copy:
            for leftover in files_of_database(fresh):
                leftover.unlink(missing_ok=True)
            fresh.touch(PRIVATE_FILE_MODE)
            rows, incomplete = _copy_readable(copy, fresh, kept)
        for file, suffix in zip(files_of_database(path), ("", *COMPANIONS), strict=True):
            if file.exists():
                link_or_copy(file, kept.with_name(kept.name + suffix))
        for companion in files_of_database(path)[1:]:
            companion.unlink(missing_ok=True)
        fresh.replace(path)
    except (sqlite3.Error, OSError) as error:
        raise DatabaseError(f"{path} is damaged, and what is in it can't be saved: {error}. The file stays.") from error
    return Rescue(kept, rows, incomplete)


def damaged_files(path: Path) -> list[Path]:
    """The damaged databases that were set aside in the folder of ``path``, oldest first."""
    return sorted(file for file in path.parent.glob(f"{path.name}.{DAMAGED}-*") if not file.name.endswith(COMPANIONS))


def _copy_readable(damaged: Path, fresh: Path, kept: Path) -> tuple[int, tuple[str, ...]]:
    """Copy all readable rows; returns their number, and the names of tables of which rows are missing."""
    steps = read_migrations()
    rows, incomplete = 0, []
    with open_database(damaged) as source, open_database(fresh) as target:
        version = _version(source)
        refuse_newer(damaged, version or 0, newest=len(steps))
        migrate(target, steps[: version or 1])
        target.execute("BEGIN")
        # The triggers must not run during the copy, because the rows that they would write are copied too.
        triggers = target.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            target.execute(f"DROP TRIGGER {name}")
        indexes = full_text_tables(target)
        for (table,) in target.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall():
            if table in indexes or table.startswith(tuple(f"{index}_" for index in indexes)):
                continue
            read, whole = _copy_table(source, target, table, may_lack=version == 0)
            rows += read
            if not whole:
                incomplete.append(table)
        if _CHOICES in incomplete:
            target.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (CHOICES_LOST_WITH, kept.name))
        if _MEMORY_CHOICES in incomplete:
            target.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (MEMORY_CHOICES_LOST_WITH, kept.name))
        for _, sql in triggers:
            target.execute(sql)
        for index in indexes:
            target.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")  # noqa: S608
        target.execute("COMMIT")
        migrate(target, steps)
    return rows, tuple(incomplete)


def _version(source: sqlite3.Connection) -> int | None:
    """The version of a damaged database; ``None`` if it can't be read."""
    try:
        with sqlite_errors_only():
            return version_of(source)
    except sqlite3.DatabaseError:
        return None


def _copy_table(
    source: sqlite3.Connection, target: sqlite3.Connection, table: str, *, may_lack: bool
) -> tuple[int, bool]:
    """Copy the readable rows of one table; returns their number, and whether these were all rows.

    Args:
        may_lack: whether the table may be missing without damage, because the database is from before migrations.
    """
    columns = ", ".join(name for _, name, *_ in target.execute(f"PRAGMA table_info({table})"))
    marks = ", ".join("?" * (columns.count(",") + 1))
    insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
    copied, whole = 0, True
    # A read stops at a damaged page. The table is therefore read from both ends.
    for backwards in (False, True):
        try:
            with sqlite_errors_only():
                for row in _readable_rows(source, table, columns, backwards=backwards):
                    try:
                        copied += max(target.execute(insert, row).rowcount, 0)
                    except sqlite3.IntegrityError:
                        # The row is damaged: no version of the bot writes a value that breaks a constraint.
                        whole = False
        except sqlite3.DatabaseError as error:
            if may_lack and str(error) == f"no such table: {table}":
                return 0, True
            whole = False
        else:
            break
    return copied, whole


def _readable_rows(
    source: sqlite3.Connection, table: str, columns: str, *, backwards: bool
) -> Iterator[tuple[object, ...]]:
    """Yield the rows of a table up to the first that can't be read, in the order of their row ids.

    Raises:
        sqlite3.DatabaseError: a row can't be read. All rows before it were yielded.
    """
    beyond, order = ("<", "rowid DESC") if backwards else (">", "rowid")
    last: int | None = None
    try:
        # The names are those of the project's own schema.
        for row in source.execute(f"SELECT rowid, {columns} FROM {table} NOT INDEXED ORDER BY {order}"):  # noqa: S608
            last = row[0]
            yield row[1:]
    except sqlite3.DatabaseError:
        # Python's sqlite3 reads the next row before it hands one out, so the last readable row is missing so far.
        where = "" if last is None else f"WHERE rowid {beyond} {last}"
        yield from source.execute(f"SELECT {columns} FROM {table} NOT INDEXED {where} ORDER BY {order} LIMIT 1")  # noqa: S608
        raise


@contextlib.contextmanager
def working_copy(path: Path, copy: Path) -> Iterator[Path]:
    """Copy the database at ``path`` to ``copy``, and delete the copy at the end of the block.

    The copy is needed, because reading a database that has a log changes the database and the log.
    """
    try:
        # Only the database and its log are copied. SQLite makes the log's index anew.
        for file, target in zip(files_of_database(path)[:2], files_of_database(copy), strict=False):
            target.unlink(missing_ok=True)
            if file.exists():
                target.touch(PRIVATE_FILE_MODE)
                shutil.copyfile(file, target)
        yield copy
    finally:
        for file in files_of_database(copy):
            file.unlink(missing_ok=True)


def _is_damage(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE
