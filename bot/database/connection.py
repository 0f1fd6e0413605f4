"""The connection to the database: what every part of the bot reads and writes through."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiosqlite

from bot.database.files import OWN_FILE, OWN_FOLDER
from bot.database.integrity import find_damage, rescue
from bot.database.opening import readable
from bot.database.schema import DatabaseError, bring_up_to_date

_log = logging.getLogger(__name__)

Row = tuple[Any, ...]

_PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA foreign_keys = ON;
-- What people have forgotten is overwritten, not only left out of the tables.
PRAGMA secure_delete = ON;
"""


class Database:
    """The file, opened once. Every method may raise :class:`aiosqlite.Error`. Made by :meth:`open`."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._writing = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open or make the database at ``path``, with today's tables; its folder is made too.

        Raises:
            DatabaseError: it can't be used.
            OSError: it can't be made.
        """
        await asyncio.to_thread(_make_ready, path)
        try:
            connection = await aiosqlite.connect(path, isolation_level=None)
            connection.text_factory = readable
            await connection.executescript(_PRAGMAS)
        except aiosqlite.Error as error:
            raise DatabaseError(f"{path} can't be opened: {error}.") from error
        return cls(connection)

    @classmethod
    @asynccontextmanager
    async def opened(cls, path: Path) -> AsyncIterator[Self]:
        """Open it, and close it on leaving; raises what :meth:`open` does."""
        database = await cls.open(path)
        try:
            yield database
        finally:
            await database.close()

    async def close(self) -> None:
        """Close the file."""
        await self._connection.close()

    async def write(self, statement: str, *values: Any) -> int:
        """One statement that changes something, kept at once; returns how many rows it changed."""
        async with self._writing, self._connection.execute(statement, values) as cursor:
            return cursor.rowcount

    async def write_many(self, statement: str, rows: Iterable[Row]) -> None:
        """The same statement for each row, all of them or none."""
        async with self._transaction():
            await self._connection.executemany(statement, rows)

    async def write_together(self, *statements: tuple[str, Row]) -> list[int]:
        """Several statements with their values, all of them or none; returns how many rows each of them changed."""
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
                # Does nothing where none has begun, or where it has been kept before somebody cancelled this.
                await self._connection.rollback()
                raise

    async def insert(self, statement: str, *values: Any) -> int:
        """One INSERT; returns the new row's id."""
        async with self._writing, self._connection.execute(statement, values) as cursor:
            return int(cursor.lastrowid or 0)

    async def rows(self, query: str, *values: Any) -> list[Row]:
        """What a SELECT (or a statement with RETURNING) gives."""
        async with self._connection.execute(query, values) as cursor:
            return [tuple(row) for row in await cursor.fetchall()]

    async def row(self, query: str, *values: Any) -> Row | None:
        """The first row of it, if there is one."""
        async with self._connection.execute(query, values) as cursor:
            row = await cursor.fetchone()
        return None if row is None else tuple(row)


class Records:
    """The tables of one part; methods may raise :class:`aiosqlite.Error`."""

    def __init__(self, database: Database) -> None:
        self._database = database


def _make_ready(path: Path) -> None:
    """What people wrote is for the eyes of the bot's user alone; SQLite gives the files beside it the same mode."""
    path.parent.mkdir(OWN_FOLDER, parents=True, exist_ok=True)
    path.touch(OWN_FILE)
    if find_damage(path) is not None:
        _log.error("%s", rescue(path))
    bring_up_to_date(path)
