"""Damaged databases: they are reported and set aside unchanged, and their readable rows are saved."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.consent import ListeningConsent, effective_listening_policy
from bot.database import Database, DatabaseError
from bot.database.check import check_database
from bot.database.files import files_of_database
from bot.database.integrity import damaged_files, find_damage, rescue
from bot.database.schema import bring_up_to_date, migrate, read_migrations
from bot.store import Store
from config.project import child_environment
from config.sections import ListeningPolicy
from config.settings import Settings
from tests.bot.database.test_schema import VERSION_0
from tests.file_modes import open_to_others

PAGE = 4096
MEMORIES = 400
OTHER_ROWS = 3
"""Rows of :func:`filled` that are no memories: one setting and two choices."""
ADA, BEN = 11, 12

WRITE_UNTIL_KILLED = """
import asyncio, sys, pathlib
from bot.database import Database

async def write():
    database = await Database.open(pathlib.Path(sys.argv[1]))
    for number in range(100_000):
        await database.write("INSERT INTO setting VALUES (?, ?)", str(number), "x" * 500)
        print(number, flush=True)

asyncio.run(write())
"""


@pytest.fixture
async def filled(tmp_path: Path) -> Path:
    """A database whose contents need several pages."""
    path = tmp_path / "seiyuu.sqlite3"
    async with Database.opened(path) as database:
        rows = [(7, "user", "Ada", f"{number} " + "x" * 300) for number in range(MEMORIES)]
        await database.write_many("INSERT INTO chat_memory (channel, role, speaker, text) VALUES (?, ?, ?, ?)", rows)
        store = Store(database)
        await store.set_setting("volume", "0.5")
        await store.set_listening_choice(ADA, False)
        await store.set_listening_choice(BEN, True)
    return path


def root_page(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0])


def leaf_page(path: Path, word: bytes) -> int:
    """The number of the first page that contains this word."""
    data = path.read_bytes()
    return next(n for n in range(1, len(data) // PAGE + 1) if word in data[(n - 1) * PAGE : n * PAGE])


def rows_on(path: Path, page: int) -> int:
    """The number of rows on a leaf page of a table (SQLite's file format, section 1.6: bytes 3 and 4 of its header)."""
    begin = (page - 1) * PAGE
    return int.from_bytes(path.read_bytes()[begin + 3 : begin + 5], "big")


def content(path: Path) -> bytes:
    return path.read_bytes()


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def spoil(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xde\xad\xbe\xef" * (PAGE // 4))


def test_no_damage_is_found_in_an_undamaged_database(filled: Path) -> None:
    before = content(filled)
    assert find_damage(filled) is None
    assert content(filled) == before


async def test_a_damaged_page_costs_only_the_rows_on_it(filled: Path, caplog: pytest.LogCaptureFixture) -> None:
    page = leaf_page(filled, b"200 xxx")
    on_page = rows_on(filled, page)
    spoil(filled, page)
    damaged = content(filled)
    with caplog.at_level(logging.ERROR):
        async with Database.opened(filled) as database:
            (left,) = await database.row("SELECT count(*) FROM chat_memory") or (0,)
            assert MEMORIES - left == on_page
            assert await Store(database).setting("volume") == "0.5"
            assert await Store(database).listening_choices() == {ADA: False, BEN: True}
            first_and_last = await database.row("SELECT min(id), max(id) FROM chat_memory")
            assert first_and_last == (1, MEMORIES)
    (kept,) = damaged_files(filled)
    assert content(kept) == damaged
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith(f"The database was damaged and is kept as {kept}: ")
    assert "some are lost from: chat_memory" in told
    assert "\n" not in told
    assert find_damage(filled) is None


@pytest.mark.parametrize(
    "row", [1, MEMORIES - 50, MEMORIES - 1], ids=["the first page", "near the end", "the last page"]
)
async def test_a_damaged_page_at_an_end_of_the_table_costs_only_the_rows_on_it(filled: Path, row: int) -> None:
    page = leaf_page(filled, f"{row} xxx".encode())
    on_page = rows_on(filled, page)
    spoil(filled, page)
    assert rescue(filled).rows == MEMORIES + OTHER_ROWS - on_page


async def test_a_damaged_index_costs_no_rows(filled: Path, caplog: pytest.LogCaptureFixture) -> None:
    spoil(filled, root_page(filled, "chat_memory_by_channel"))
    async with Database.opened(filled) as database:
        assert await database.row("SELECT count(*) FROM chat_memory") == (MEMORIES,)
    assert f"all of its {MEMORIES + OTHER_ROWS} rows could be read and are in a new one" in caplog.text
    assert len(damaged_files(filled)) == 1


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda path: path.write_bytes(b"not a database at all, " * 400),
        lambda path: spoil(path, 1),
        lambda path: path.write_bytes(path.read_bytes()[: PAGE // 2]),
    ],
    ids=["something else", "its first page", "cut off"],
)
async def test_an_unreadable_database_is_kept_and_a_new_one_begins(
    filled: Path, spoiled: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    spoiled(filled)
    damaged = content(filled)
    async with Database.opened(filled) as database:
        assert await database.row("SELECT count(*) FROM chat_memory") == (0,)
    assert [content(kept) for kept in damaged_files(filled)] == [damaged]
    assert "nothing in it could be read, so a new one begins empty" in caplog.text


async def test_rows_that_are_only_in_the_log_are_rescued_too(filled: Path) -> None:
    copy = filled.with_name("copy.sqlite3")
    async with Database.opened(filled) as database:
        await Store(database).set_setting("written last", "1")
        file, log, _ = files_of_database(filled)
        copied_file, copied_log, _ = files_of_database(copy)
        write(copied_file, content(file))
        write(copied_log, content(log))
    spoil(copy, leaf_page(copy, b"200 xxx"))
    saved = rescue(copy)
    assert saved.incomplete == ("chat_memory",)
    _, kept_log, _ = files_of_database(saved.kept)
    assert content(kept_log)
    async with Database.opened(copy) as opened:
        assert await Store(opened).setting("written last") == "1"


async def test_an_older_damaged_database_gets_the_newest_schema(tmp_path: Path) -> None:
    path = tmp_path / "seiyuu.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(VERSION_0.read_text())
    spoil(path, root_page(path, "chat_memory_by_channel"))
    async with Database.opened(path) as opened:
        # VERSION_0 inserts two rows into this table.
        assert await opened.row("SELECT count(*) FROM chat_waiting") == (2,)
        assert await opened.rows("SELECT * FROM conversations") == []


async def test_after_listening_choices_were_lost_only_people_who_agree_are_heard(
    filled: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(filled, root_page(filled, "listening_choice"))
    settings = Settings.read(data_dir=filled.parent, listening=ListeningPolicy.OPT_OUT)
    async with Store.opened(filled) as store:
        policy = await effective_listening_policy(store, settings)
        consent = await ListeningConsent.load(store, policy)
    assert policy is ListeningPolicy.OPT_IN
    assert not consent.admits(ADA)
    (kept,) = damaged_files(filled)
    assert f"not all of the damaged {kept} could be read" in caplog.text
    await asyncio.to_thread(kept.unlink)
    async with Store.opened(filled) as store:
        assert await effective_listening_policy(store, settings) is ListeningPolicy.OPT_OUT


async def test_only_their_owner_can_read_the_new_and_the_damaged_database(filled: Path) -> None:
    spoil(filled, leaf_page(filled, b"200 xxx"))
    async with Database.opened(filled):
        pass
    assert open_to_others(filled.parent) == []
    assert names(filled.parent) == [filled.name, damaged_files(filled)[0].name]


async def test_a_rescue_that_is_not_possible_changes_nothing(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(filled, leaf_page(filled, b"200 xxx"))
    before = content(filled)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bot.database.integrity.shutil.copyfile", full)
    with pytest.raises(DatabaseError, match=r"is damaged, and what is in it can't be saved: .*No space left"):
        await Database.open(filled)
    assert content(filled) == before
    assert damaged_files(filled) == []


def test_a_folder_in_place_of_the_database_does_not_count_as_damage(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="can't be read"):
        find_damage(tmp_path)


def test_a_process_that_is_killed_during_a_write_loses_nothing_written_before(tmp_path: Path) -> None:
    path = tmp_path / "seiyuu.sqlite3"
    command = (sys.executable, "-c", WRITE_UNTIL_KILLED, str(path))
    environment = child_environment()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as writing:
        assert writing.stdout is not None
        for line in writing.stdout:
            if int(line) == 700:
                os.kill(writing.pid, signal.SIGKILL)
                break
        last = max([700, *(int(line) for line in writing.stdout if line.endswith("\n"))])
    assert find_damage(path) is None
    with closing(sqlite3.connect(path)) as database:
        (kept,) = database.execute("SELECT count(*) FROM setting").fetchone()
    assert kept >= last + 1
    assert damaged_files(path) == []


async def test_the_doctor_reports_the_state_of_the_database_and_changes_nothing(filled: Path, tmp_path: Path) -> None:
    assert check_database(tmp_path / "none").good is True
    assert check_database(filled).good is True
    spoil(filled, leaf_page(filled, b"200 xxx"))
    before = content(filled)
    result = check_database(filled)
    assert result.good is False
    assert f"{filled} is damaged" in result.text
    assert content(filled) == before
    async with Database.opened(filled):
        pass
    afterwards = check_database(filled)
    assert afterwards.good is None
    assert str(damaged_files(filled)[0]) in afterwards.text


def flip(path: Path, word: bytes) -> None:
    """Flip the highest bit of the second letter of ``word``, at its last occurrence in the file."""
    data = bytearray(path.read_bytes())
    data[data.rindex(word) + 1] ^= 0x80
    path.write_bytes(data)


@pytest.mark.parametrize("word", [b"chat_memory (", b"setting (name", b"CREATE TABLE voice_maker"])
async def test_a_schema_that_is_not_valid_text_counts_as_damage(filled: Path, word: bytes) -> None:
    flip(filled, word)
    damaged = content(filled)
    assert find_damage(filled) is not None
    assert check_database(filled).good is False
    async with Database.opened(filled) as database:
        assert await database.row("SELECT count(*) FROM conversations") == (0,)
    assert [content(kept) for kept in damaged_files(filled)] == [damaged]


async def test_a_flipped_bit_in_a_text_spoils_one_letter_and_the_database_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "seiyuu.sqlite3"
    async with Database.opened(path) as database:
        await database.write("INSERT INTO voice_choice VALUES (7, 'some_voice')")
    flip(path, b"some_voice")
    async with Database.opened(path) as database:
        assert await database.rows("SELECT * FROM voice_choice") == [(7, "s\ufffdme_voice")]


def test_an_impossible_version_is_refused_and_the_error_names_a_remedy(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as database:
        database.execute("PRAGMA user_version = -1")
    before = content(filled)
    with pytest.raises(DatabaseError, match=r"version -1, which no Seiyuu has made.*restore FILE"):
        bring_up_to_date(filled)
    assert check_database(filled).good is False
    assert content(filled) == before


async def test_a_missing_table_counts_as_damage(filled: Path, caplog: pytest.LogCaptureFixture) -> None:
    with closing(sqlite3.connect(filled)) as database:
        database.execute("ALTER TABLE voice_maker RENAME TO voice_naker")
    async with Database.opened(filled) as opened:
        assert await opened.rows("SELECT * FROM voice_maker") == []
        assert await opened.row("SELECT count(*) FROM chat_memory") == (MEMORIES,)
    assert "some are lost from: voice_maker" in caplog.text


def test_the_triggers_of_an_older_database_do_not_run_during_its_rescue(tmp_path: Path) -> None:
    """For each turn, the triggers would read all turns of its conversation to update the list of speakers."""
    path = tmp_path / "seiyuu.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        # The second migration makes the triggers, and the fourth deletes them.
        migrate(database, read_migrations()[:3])
        # Zoe is in the list of speakers but has no turn, so a trigger that ran would remove her. The turn is inserted
        # before its conversation, so that no trigger can change the list at this point.
        database.execute(
            "INSERT INTO turns (conversation, number, person, who, text, at, interrupted) "
            "VALUES (1, 1, '11', 'Ada', 'x', 1.0, 0)"
        )
        database.execute("INSERT INTO conversations VALUES (1, 'chat', '1', '3', 'general', 0.0, 0.5, '[\"Zoe\"]')")
    spoil(path, root_page(path, "chat_memory_by_channel"))
    rescue(path)
    with closing(sqlite3.connect(path)) as saved:
        assert saved.execute("SELECT ended, people FROM conversations").fetchall() == [(0.5, '["Zoe"]')]
        assert saved.execute("SELECT count(*) FROM turns").fetchone() == (1,)
