"""Tests of starts with an unusable database: one clear sentence, and nothing is lost."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.backup.moving import Move, carry_out, make_stage
from bot.database.integrity import damaged_files
from bot.database.schema import bring_up_to_date, read_migrations
from sandbox.server import Sandbox
from tests.e2e.program import VOICE, output, program, read_until


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database in the folder in which the program is started."""
    path = tmp_path / "data" / "seiyuu.sqlite3"
    path.parent.mkdir(mode=0o700)
    path.touch(0o600)
    bring_up_to_date(path)
    return path


def make_newer(database: Path) -> bytes:
    with closing(sqlite3.connect(database)) as newer:
        newer.execute(f"PRAGMA user_version = {len(read_migrations()) + 1}")
    return database.read_bytes()


def damage(database: Path) -> bytes:
    database.write_bytes(b"damaged " * 4_000)
    return database.read_bytes()


def contents(*files: Path) -> list[bytes]:
    return [file.read_bytes() for file in files]


async def test_a_newer_database_is_refused(tmp_path: Path, database: Path, speech_server: str) -> None:
    before = make_newer(database)
    settings = {VOICE: speech_server}
    async with Sandbox() as sandbox, program("run", folder=tmp_path, **settings, **sandbox.bot_settings) as process:
        said = await output(process)
    assert process.returncode == 2
    assert said.count("was written by a newer Seiyuu") == 1
    assert "Traceback" not in said
    assert contents(database) == [before]


async def test_a_damaged_database_is_kept_and_the_bot_starts(tmp_path: Path, database: Path) -> None:
    before = damage(database)
    async with Sandbox() as sandbox, program("run", folder=tmp_path, **sandbox.bot_settings) as process:
        said = await read_until(process, "Speech server: ready")
    (told,) = [line for line in said.splitlines() if "The database was damaged" in line]
    assert "python -m bot restore FILE" in told
    assert "Traceback" not in said
    assert contents(*damaged_files(database)) == [before]


def break_a_restore_off(database: Path) -> None:
    """Make the files as after a restore that was killed: the old database is away, and the new one is not there yet."""
    folder = database.parent
    make_stage(folder, [])
    with pytest.raises(FileNotFoundError):
        carry_out(folder, [Move(database, folder / "away"), Move(folder / "nowhere", database)])
    assert not database.exists()


async def test_an_interrupted_restore_is_undone(tmp_path: Path, database: Path, speech_server: str) -> None:
    with closing(sqlite3.connect(database)) as here, here:
        here.execute("INSERT INTO setting VALUES ('word', 'mine')")
    break_a_restore_off(database)
    async with program("run", folder=tmp_path, DISCORD_TOKEN="none", **{VOICE: speech_server}) as process:
        said = await output(process)
    assert said.count("A restore was broken off half-way. It was undone: all data are as before the restore") == 1
    with closing(sqlite3.connect(database)) as here:
        assert here.execute("SELECT value FROM setting WHERE name = 'word'").fetchall() == [("mine",)]


@pytest.mark.parametrize(("spoil", "words"), [(damage, "is damaged"), (make_newer, "was written by a newer Seiyuu")])
async def test_the_doctor_reports_a_faulty_database_before_a_start(
    tmp_path: Path, database: Path, speech_server: str, spoil: Callable[[Path], bytes], words: str
) -> None:
    before = spoil(database)
    async with program("doctor", "--json", folder=tmp_path, **{VOICE: speech_server}) as process:
        told = json.loads(await output(process))
    assert process.returncode == 1
    (finding,) = [finding for finding in told["findings"] if finding["subject"] == "Database"]
    assert finding["good"] is False
    assert words in finding["text"]
    assert contents(database) == [before]
