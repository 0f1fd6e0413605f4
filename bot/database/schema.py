"""The tables of the database, as numbered steps: each is carried out once, in order, whole or not at all.

A step is a file ``migrations/NNN_what_it_does.sql``. To change a table, add the next number; a step that a released
version has carried out is never changed. ``user_version`` in the file's header is the number of the last step.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.database.opening import opened

FILE = "seiyuu.sqlite3"
"""Its name in ``DATA_DIR``."""
MIGRATIONS_DIR = Path(__file__).parent / "migrations"
APPLICATION_ID = 0x53656979
"""``Seiy``, in the header of the file, so that other programs and ``restore`` know whose it is."""


class DatabaseError(Exception):
    """The database can't be used; the text says why and what to do."""


class NewerDatabaseError(DatabaseError):
    """A newer version wrote it: no other start of this one will be able to use it."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: SQL statements, parted by semicolons."""

    number: int
    name: str
    statements: str


def read_migrations(folder: Path = MIGRATIONS_DIR) -> tuple[Migration, ...]:
    """Every step, in order.

    Raises:
        ValueError: they are not numbered 1, 2, 3 and so on.
    """
    found: list[Migration] = []
    for file in sorted(folder.glob("*.sql")):
        named = re.fullmatch(r"(\d{3})_(\w+)", file.stem)
        if named is None or int(named[1]) != len(found) + 1:
            raise ValueError(f"{file.name} is not step {len(found) + 1:03} of the migrations")
        found.append(Migration(int(named[1]), named[2], file.read_text(encoding="utf-8")))
    return tuple(found)


def version_of(database: sqlite3.Connection) -> int:
    """The number of the last step; 0 for a new file, and for one from before the steps were numbered."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


Parts = dict[tuple[str, str], object]
"""What a database consists of: its tables with their columns, and all else with its SQL, by kind and name."""


def parts_of(database: sqlite3.Connection) -> Parts:
    """Every table, index, trigger and view, without what SQLite makes by itself."""
    parts: Parts = {}
    query = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite^_%' ESCAPE '^'"
    for kind, name, sql in database.execute(query).fetchall():
        parts[kind, name] = _columns(database, name) if kind == "table" else " ".join(str(sql).split())
    return parts


def parts_of_version(version: int) -> Parts:
    """What a database of that version consists of; one without steps has some of the first step's."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        migrate(database, read_migrations()[: max(version, 1)])
        return parts_of(database)


def _columns(database: sqlite3.Connection, table: str) -> frozenset[tuple[object, ...]]:
    found = database.execute('SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?)', (table,))
    return frozenset(found.fetchall())


def migrate(database: sqlite3.Connection, steps: Sequence[Migration]) -> None:
    """Carry out the steps that are still to be done. ``database`` commits by itself (``isolation_level=None``).

    Raises:
        sqlite3.Error: a step failed; the database is as it was before it.
    """
    for step in steps[version_of(database) :]:
        try:
            database.executescript(
                f"BEGIN IMMEDIATE;\n{step.statements}\n;"
                f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {step.number}; COMMIT;"
            )
        finally:
            if database.in_transaction:
                database.execute("ROLLBACK")


def bring_up_to_date(path: Path, steps: Sequence[Migration] | None = None) -> None:
    """Give the file at ``path``, which may be empty, today's tables. It blocks: keep it off the event loop.

    Raises:
        NewerDatabaseError: a newer version wrote it.
        DatabaseError: it can't be changed.
    """
    steps = read_migrations() if steps is None else steps
    try:
        with opened(path, "rwc") as database:
            refuse_newer(path, version_of(database), newest=len(steps))
            migrate(database, steps)
    except sqlite3.Error as error:
        raise DatabaseError(f"{path} can't be brought up to date: {error}. What is in it has not changed.") from error


def refuse_newer(path: Path, version: int, *, newest: int) -> None:
    """Refuse a database that a newer version wrote, which may mean by it what this one does not know.

    Raises:
        NewerDatabaseError: it is one.
        DatabaseError: no version has that number.
    """
    if version < 0:
        raise DatabaseError(
            f"{path} can't be used: its tables have version {version}, which no Seiyuu has made. "
            "With a backup, `python -m bot restore FILE` brings everything back."
        )
    if version > newest:
        raise NewerDatabaseError(
            f"{path} was written by a newer Seiyuu (its tables have version {version}, this one knows {newest}). "
            "Update Seiyuu, or restore a backup that this one made."
        )
