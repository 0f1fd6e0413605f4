"""The database's schema, created by numbered migrations. Each migration is executed once, in order, in a transaction.

A migration is a file ``migrations/NNN_what_it_does.sql``. To change a table, add a file with the next number. Never
change a migration that was part of a release. The field ``user_version`` in the database's header has the number of the
last migration that was executed.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.database.opening import open_database
from config.place import bot_command

FILE = "seiyuu.sqlite3"
"""Name of the database file in ``DATA_DIR``."""
MIGRATIONS_DIR = Path(__file__).parent / "migrations"
APPLICATION_ID = 0x53656979
"""The letters "Seiy". They are in the database's header, so that other programs and ``restore`` recognize the file."""


class DatabaseError(Exception):
    """The database can't be used. The message says why, and what to do about it."""


class NewerDatabaseError(DatabaseError):
    """A newer version of the bot wrote the database, so this version can never use it."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration: SQL statements, separated by semicolons."""

    number: int
    name: str
    statements: str


def read_migrations(folder: Path = MIGRATIONS_DIR) -> tuple[Migration, ...]:
    """Read all migrations, in order.

    Raises:
        ValueError: the files are not numbered 1, 2, 3 and so on.
    """
    found: list[Migration] = []
    for file in sorted(folder.glob("*.sql")):
        named = re.fullmatch(r"(\d{3})_(\w+)", file.stem)
        if named is None or int(named[1]) != len(found) + 1:
            raise ValueError(f"{file.name} is not step {len(found) + 1:03} of the migrations")
        found.append(Migration(int(named[1]), named[2], file.read_text(encoding="utf-8")))
    return tuple(found)


def version_of(database: sqlite3.Connection) -> int:
    """The number of the last executed migration; 0 for a new file, or one from before migrations were numbered."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


Schema = dict[tuple[str, str], object]
"""The schema of a database, by kind and name of each object: tables with their columns, other objects with their
SQL."""


def schema_of(database: sqlite3.Connection) -> Schema:
    """All tables, indexes, triggers and views, without those that SQLite creates itself."""
    parts: Schema = {}
    query = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite^_%' ESCAPE '^'"
    for kind, name, sql in database.execute(query).fetchall():
        parts[kind, name] = _columns(database, name) if kind == "table" else " ".join(str(sql).split())
    return parts


def schema_of_version(version: int) -> Schema:
    """The schema that a version should have.

    Version 0 is from before migrations were numbered. It has the schema of version 1, but some tables may be missing.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        migrate(database, read_migrations()[: max(version, 1)])
        return schema_of(database)


def _columns(database: sqlite3.Connection, table: str) -> frozenset[tuple[object, ...]]:
    found = database.execute('SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?)', (table,))
    return frozenset(found.fetchall())


def full_text_tables(database: sqlite3.Connection) -> list[str]:
    """The names of the full-text indexes (FTS5). Each has further tables, whose names begin with its own name."""
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%USING fts5%'"
    return [str(name) for (name,) in database.execute(query)]


def migrate(database: sqlite3.Connection, steps: Sequence[Migration]) -> None:
    """Execute the migrations that are missing. ``database`` must be in autocommit mode (``isolation_level=None``).

    Raises:
        sqlite3.Error: a migration failed. The database is as it was before that migration.
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
    """Update the database at ``path``, which may be an empty file, to the newest schema. Blocks on the disk.

    Raises:
        NewerDatabaseError: a newer version of the bot wrote the database.
        DatabaseError: the database can't be changed.
    """
    steps = read_migrations() if steps is None else steps
    try:
        with open_database(path, "rwc") as database:
            refuse_newer(path, version_of(database), newest=len(steps))
            migrate(database, steps)
    except sqlite3.Error as error:
        raise DatabaseError(f"{path} can't be brought up to date: {error}. Its content has not changed.") from error


def require_current(path: Path) -> None:
    """Check that the database has the tables of this version of the bot. Blocks on the disk.

    Raises:
        DatabaseError: its tables are of an older version, or it can't be read.
    """
    try:
        with open_database(path) as database:
            version = version_of(database)
    except sqlite3.Error as error:
        raise DatabaseError(f"{path} can't be read: {error}.") from error
    newest = len(read_migrations())
    refuse_newer(path, version, newest=newest)
    if version < newest:
        raise DatabaseError(f"{path} was written by an older Seiyuu. Start the bot once: that updates it.")


def refuse_newer(path: Path, version: int, *, newest: int) -> None:
    """Refuse a database that a newer version of the bot wrote, because this version can't know what its tables mean.

    Raises:
        NewerDatabaseError: a newer version of the bot wrote the database.
        DatabaseError: the version number is negative, so no version of the bot wrote it.
    """
    if version < 0:
        raise DatabaseError(
            f"{path} can't be used: its tables have version {version}, which no Seiyuu has made. "
            f"With a backup, `{bot_command('restore FILE')}` brings everything back."
        )
    if version > newest:
        raise NewerDatabaseError(
            f"{path} was written by a newer Seiyuu (its tables have version {version}, this one knows {newest}). "
            "Update Seiyuu, or restore a backup that this one made."
        )
