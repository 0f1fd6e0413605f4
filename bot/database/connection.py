"""The connection to the database, which all parts of the bot share."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiosqlite

from bot.database.files import PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE
from bot.database.integrity import find_damage, rescue
from bot.database.opening import decode_text, open_database
from bot.database.schema import DatabaseError, bring_up_to_date, full_text_tables, require_current

_log = logging.getLogger(__name__)

Row = tuple[Any, ...]
TRACES = "traces"
"""Key in the table ``setting``. Triggers set it when rows are deleted whose words must not stay in the file."""

_PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA foreign_keys = ON;
-- Deleted rows are overwritten with zeros, since people may have asked for their deletion.
PRAGMA secure_delete = ON;
"""


class Database:
    """The open database file. Create it with :meth:`open`, once in the process.

    All methods may raise :class:`aiosqlite.Error`.
    """

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._writing = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the database at ``path``, and update its tables. The file and its folder are created if necessary.

        A damaged database is replaced by a new one with everything that can still be read of it.

        Raises:
            DatabaseError: the database can't be used.
            OSError: the file or folder can't be created.
        """
        await asyncio.to_thread(_make_ready, path)
        try:
            connection = await aiosqlite.connect(path, isolation_level=None)
            connection.text_factory = decode_text
            await connection.executescript(_PRAGMAS)
        except aiosqlite.Error as error:
            raise DatabaseError(f"{path} can't be opened: {error}.") from error
        database = cls(connection, path)
        await database._erase_traces_of_last_run()
        return database

    @classmethod
    @asynccontextmanager
    async def opened(cls, path: Path) -> AsyncIterator[Self]:
        """Open the database as a context manager. Raises the same errors as :meth:`open`."""
        database = await cls.open(path)
        try:
            yield database
        finally:
            await database.close()

    @classmethod
    @asynccontextmanager
    async def only_read(cls, path: Path) -> AsyncIterator[Self]:
        """Open the database beside a running bot, to read it. Nothing is repaired or updated.

        Raises:
            DatabaseError: the database can't be used, or another version of the bot has written it.
        """
        await asyncio.to_thread(require_current, path)
        try:
            connection = await aiosqlite.connect(path, isolation_level=None)
            connection.text_factory = decode_text
            await connection.execute("PRAGMA query_only = ON")
        except aiosqlite.Error as error:
            raise DatabaseError(f"{path} can't be opened: {error}.") from error
        database = cls(connection, path)
        try:
            yield database
        finally:
            await database.close()

    async def close(self) -> None:
        """Close the file."""
        await self._connection.close()

    async def write(self, statement: str, *values: Any) -> int:
        """Execute one statement that changes something, and commit it; returns the number of changed rows."""
        async with self._writing, self._connection.execute(statement, values) as cursor:
            return cursor.rowcount

    async def write_many(self, statement: str, rows: Iterable[Row]) -> None:
        """Execute the same statement for each row of values, in one transaction."""
        async with self._transaction():
            await self._connection.executemany(statement, rows)

    async def write_together(self, *statements: tuple[str, Row]) -> list[int]:
        """Execute several statements in one transaction; returns the number of rows that each one changed."""
        changed = []
        async with self._transaction():
            for statement, values in statements:
                async with self._connection.execute(statement, values) as cursor:
                    changed.append(cursor.rowcount)
        return changed

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        async with self._writing:
            try:
                await self._connection.execute("BEGIN IMMEDIATE")
                yield
                await self._connection.commit()
            except BaseException:
                # This does nothing if no transaction has begun, or if it was committed before this task was cancelled.
                await self._connection.rollback()
                raise

    async def insert(self, statement: str, *values: Any) -> int:
        """Execute one INSERT, and commit it; returns the new row's id."""
        async with self._writing, self._connection.execute(statement, values) as cursor:
            return int(cursor.lastrowid or 0)

    async def write_returning(self, statement: str, *values: Any) -> Row | None:
        """Execute one statement with RETURNING, and commit it; returns its first row, or ``None`` if it has none."""
        # Without the lock, the change would become part of another task's transaction, and be lost if that fails.
        async with self._writing:
            return await self.row(statement, *values)

    async def erase_traces(self) -> None:
        """Rewrite the file, so that nothing that was deleted is left in it or in its log.

        ``secure_delete`` overwrites deleted rows. But SQLite moves rows between pages while tables grow, and the copies
        in the gaps of pages stay. Others can read meanwhile, and writers wait.
        """
        async with self._writing:
            await asyncio.to_thread(_rewrite, self._path)

    async def _erase_traces_of_last_run(self) -> None:
        """Rewrite the file if the last run died between deleting something and rewriting the file."""
        try:
            if await self.row("SELECT 1 FROM setting WHERE name = ?", TRACES) is not None:
                await self.erase_traces()
        except aiosqlite.Error as error:
            _log.warning("Traces of what was deleted are still in %s: %s", self._path, error)

    async def rows(self, query: str, *values: Any) -> list[Row]:
        """All rows of a SELECT."""
        async with self._connection.execute(query, values) as cursor:
            return [tuple(row) for row in await cursor.fetchall()]

    async def row(self, query: str, *values: Any) -> Row | None:
        """The first row of a SELECT; ``None`` if there is none."""
        async with self._connection.execute(query, values) as cursor:
            row = await cursor.fetchone()
        return None if row is None else tuple(row)


class Records:
    """Base of classes that read and write the tables of one part of the bot.

    Their methods may raise :class:`aiosqlite.Error`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database


def _make_ready(path: Path) -> None:
    """Create the file, repair it if it is damaged, and update its tables. Blocks on the disk.

    Only the bot's own user account can read the file, because people's words are in it. SQLite gives its log files the
    same permissions.
    """
    path.parent.mkdir(PRIVATE_FOLDER_MODE, parents=True, exist_ok=True)
    path.touch(PRIVATE_FILE_MODE)
    if find_damage(path) is not None:
        _log.error("%s", rescue(path))
    bring_up_to_date(path)


def _rewrite(path: Path) -> None:
    """Rewrite the file, and empty its log. Blocks on the disk.

    Raises:
        sqlite3.Error: somebody else uses the database for longer than SQLite waits (5 s), or the disk is full.
    """
    # The shared connection can't do this while it has an open query.
    with open_database(path) as database:
        # What is rewritten must not go through a temporary file.
        database.execute("PRAGMA temp_store = MEMORY")
        database.execute("PRAGMA secure_delete = ON")
        # A full-text index keeps deleted words until its parts are merged.
        for table in full_text_tables(database):
            database.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608
        database.execute("VACUUM")
        (busy, *_) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise sqlite3.OperationalError("the log of the database is in use")
        database.execute("DELETE FROM setting WHERE name = ?", (TRACES,))
