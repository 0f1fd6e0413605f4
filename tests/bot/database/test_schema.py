"""Migrations: older databases keep their data, newer ones are refused, and each migration is a transaction."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.database import Database, DatabaseError
from bot.database.schema import Migration, bring_up_to_date, migrate, read_migrations, version_of
from config.project import child_environment

VERSION_0 = Path(__file__).parent / "version_0.sql"

Content = dict[str, list[tuple[Any, ...]]]

MIGRATE_AND_DIE = """
import os, signal, sqlite3, sys
from bot.database.schema import Migration, migrate
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
statements = "CREATE TABLE half (x); INSERT INTO half VALUES (1); DELETE FROM setting; SELECT die();"
migrate(database, [*[Migration(1, "done", "")] * int(sys.argv[2]), Migration(int(sys.argv[2]) + 1, "half", statements)])
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of the last version without numbered migrations."""
    path = tmp_path / "seiyuu.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(VERSION_0.read_text())
    return path


def content(path: Path) -> Content:
    with closing(sqlite3.connect(path)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: sorted(database.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for name in names}  # noqa: S608


def schema(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        return {(name, " ".join(sql.split())) for name, sql in found}


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return version_of(database)


async def test_a_database_without_numbered_migrations_keeps_every_row(old: Path) -> None:
    before = content(old)
    assert all(before.values()), "every table has at least one row"
    async with Database.opened(old):
        pass
    after = content(old)
    # Migration 3 keeps the same data in other columns.
    assert after.pop("chat_memory") != before.pop("chat_memory")
    # A later migration drops the first column, the number of the only call.
    assert after.pop("call") == [tuple(call[1:]) for call in before.pop("call")]
    assert {name: after[name] for name in before} == before
    assert version(old) == len(read_migrations())


async def test_the_memory_of_the_text_chat_is_migrated_to_turns(old: Path) -> None:
    with closing(sqlite3.connect(old)) as database:
        said = [("user", "Ben: At 10: 30, she said: go."), ("assistant", "Once upon—"), ("user", "no name")]
        statement = "INSERT INTO chat_memory (channel, role, content) VALUES (7, ?, ?)"
        database.executemany(statement, said)
        database.commit()
    async with Database.opened(old) as database:
        query = "SELECT role, speaker, text, interrupted FROM chat_memory ORDER BY id"
        assert await database.rows(query) == [
            ("user", "Ada", "Wie geht's? 日本語 🎤", 0),
            ("assistant", "", "Gut.", 0),
            ("user", "Ben", "At 10: 30, she said: go.", 0),
            ("assistant", "", "Once upon", 1),
            ("user", "", "no name", 0),
        ]


async def test_an_old_database_ends_with_the_same_tables_as_a_new_one(old: Path, tmp_path: Path) -> None:
    async with Database.opened(old), Database.opened(tmp_path / "new"):
        pass
    assert schema(old) == schema(tmp_path / "new")


@pytest.mark.parametrize("older", range(len(read_migrations())))
async def test_a_database_of_each_older_version_keeps_its_conversations(tmp_path: Path, older: int) -> None:
    path = tmp_path / "seiyuu.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(VERSION_0.read_text())
        migrate(database, read_migrations()[:older])
        if older >= 2:
            database.execute(
                "INSERT INTO conversations (id, transport, server, channel, place, started, ended, people) "
                "VALUES (1, 'chat', '1', '3', 'general', 0.0, 0.0, '[\"Ada\"]')"
            )
            database.execute(
                "INSERT INTO turns (conversation, number, person, who, text, at, interrupted) "
                "VALUES (1, 1, '11', 'Ada', 'Hello', 0.0, 0)"
            )
    before = content(path)
    async with Database.opened(path), Database.opened(tmp_path / "new"):
        pass
    after = content(path)
    kept = before.keys() & after.keys() - {"call", "chat_memory", "conversations", "turns"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert len(after["chat_memory"]) == len(before["chat_memory"])
    # In versions that allowed only one call, the first column was its number.
    assert [row[-3:] for row in after["call"]] == [row[-3:] for row in before.get("call", [])]
    # Columns were added at the end.
    for name, columns in (("conversations", 8), ("turns", 7)):
        assert [row[:columns] for row in after[name]] == [row[:columns] for row in before.get(name, [])]
    assert schema(path) == schema(tmp_path / "new")


async def test_a_database_with_only_some_tables_gets_the_missing_ones(tmp_path: Path) -> None:
    path = tmp_path / "seiyuu.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
        database.execute("INSERT INTO setting VALUES ('volume', '0.5')")
        database.commit()
    async with Database.opened(path) as opened:
        assert await opened.row("SELECT value FROM setting") == ("0.5",)
        assert await opened.rows("SELECT * FROM chat_memory") == []


def test_opening_a_database_again_changes_nothing(old: Path) -> None:
    bring_up_to_date(old)
    before = old.read_bytes()
    bring_up_to_date(old)
    assert old.read_bytes() == before


def test_a_newer_database_is_refused_in_one_sentence_and_not_changed(old: Path) -> None:
    newer = len(read_migrations()) + 1
    with closing(sqlite3.connect(old)) as database:
        database.execute(f"PRAGMA user_version = {newer}")
    before = old.read_bytes()
    with pytest.raises(DatabaseError) as refusal:
        bring_up_to_date(old)
    assert f"{old} was written by a newer Seiyuu" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert old.read_bytes() == before


def test_a_failed_migration_leaves_everything_as_it_was(old: Path) -> None:
    bring_up_to_date(old)
    before, steps = content(old), read_migrations()
    bad = Migration(len(steps) + 1, "bad", "CREATE TABLE half (x); DELETE FROM setting; SELECT * FROM nowhere")
    with pytest.raises(DatabaseError, match="can't be brought up to date: no such table: nowhere"):
        bring_up_to_date(old, [*steps, bad])
    assert content(old) == before
    assert version(old) == len(steps)


def test_a_full_disk_leaves_everything_as_it_was(old: Path) -> None:
    bring_up_to_date(old)
    before, steps = content(old), read_migrations()
    large = "CREATE TABLE half (x); INSERT INTO half VALUES (zeroblob(1000000)); DELETE FROM setting"
    with closing(sqlite3.connect(old, isolation_level=None)) as database:
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages + 4}")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            migrate(database, [*steps, Migration(len(steps) + 1, "large", large)])
    assert content(old) == before
    assert version(old) == len(steps)


def test_a_process_killed_during_a_migration_leaves_everything_as_it_was(old: Path) -> None:
    bring_up_to_date(old)
    before, steps = content(old), read_migrations()
    command = (sys.executable, "-c", MIGRATE_AND_DIE, str(old), str(len(steps)))
    killed = subprocess.run(command, env=child_environment(), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert content(old) == before
    assert version(old) == len(steps)


def test_the_migrations_are_numbered_without_a_gap(tmp_path: Path) -> None:
    assert [step.number for step in read_migrations()] == list(range(1, len(read_migrations()) + 1))
    (tmp_path / "001_first.sql").touch()
    (tmp_path / "003_third.sql").touch()
    with pytest.raises(ValueError, match=r"003_third\.sql is not step 002"):
        read_migrations(tmp_path)
