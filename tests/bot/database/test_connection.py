"""The database connection: data survives a restart, and transactions are written completely or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.database import Database
from tests.file_modes import open_to_others
from tests.timing import LIMIT

TABLE = "CREATE TABLE IF NOT EXISTS thing (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT"


async def test_written_data_survives(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "seiyuu.sqlite3"
    async with Database.opened(path) as database:
        await database.write(TABLE)
        assert await database.insert("INSERT INTO thing (name) VALUES (?)", "one") == 1
    async with Database.opened(path) as database:
        await database.write(TABLE)
        assert await database.rows("SELECT id, name FROM thing") == [(1, "one")]
        assert await database.row("SELECT id FROM thing WHERE name = ?", "two") is None
        assert await database.write("DELETE FROM thing") == 1


async def test_only_their_owner_can_read_the_file_and_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "data" / "seiyuu.sqlite3"
    async with Database.opened(path) as database:
        await database.write(TABLE)
        await database.insert("INSERT INTO thing (name) VALUES (?)", "one")
        assert open_to_others(tmp_path) == []


async def test_all_rows_or_none_are_written_and_writes_of_other_tasks_meanwhile_stay(tmp_path: Path) -> None:
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        await database.write(TABLE)
        twice = database.write_many("INSERT INTO thing (name) VALUES (?)", [("a",), ("b",), ("a",)])
        other = database.write("INSERT INTO thing (name) VALUES (?)", "other")
        failed, _ = await asyncio.gather(twice, asyncio.wait_for(other, LIMIT), return_exceptions=True)
        assert isinstance(failed, sqlite3.IntegrityError)
        assert await database.rows("SELECT name FROM thing") == [("other",)]


async def test_a_row_that_was_returned_stays_when_another_transaction_fails(tmp_path: Path) -> None:
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        await database.write(TABLE)
        under_way, go_on = threading.Event(), threading.Event()

        def twice() -> Iterator[tuple[str]]:
            yield ("a",)
            under_way.set()
            assert go_on.wait(60)
            yield ("a",)

        failing = asyncio.create_task(database.write_many("INSERT INTO thing (name) VALUES (?)", twice()))
        await asyncio.to_thread(under_way.wait, 10)
        insert = "INSERT INTO thing (name) VALUES (?) RETURNING id"
        inserting = asyncio.create_task(database.write_returning(insert, "b"))
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(sqlite3.IntegrityError):
            await failing
        assert await inserting == (1,)
        assert await database.rows("SELECT name FROM thing") == [("b",)]
