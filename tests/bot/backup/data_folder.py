"""Helpers that make, change and read the bot's data in a test's folder."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from config.project import child_environment

WRITE_PAIRS = """
import asyncio, sys, pathlib
from bot.data_dir_lock import data_dir_lock
from bot.database import Database

async def write(folder):
    with data_dir_lock(folder):
        async with Database.opened(folder / "seiyuu.sqlite3") as database:
            for number in range(1_000_000):
                rows = [(f"{number} a", "x" * 500), (f"{number} b", "x" * 500)]
                await database.write_many("INSERT INTO setting VALUES (?, ?)", rows)
                print(number, flush=True)

asyncio.run(write(pathlib.Path(sys.argv[1])))
"""
"""Simulates a running bot. Each of its changes writes two rows or none."""


def change(path: Path, word: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT OR REPLACE INTO setting VALUES ('word', ?)", (word,))


def word_in(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute("SELECT value FROM setting WHERE name = 'word'").fetchone()[0])


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def make_voice(folder: Path, name: str, recording: bytes = b"fLaC" * 5_000) -> None:
    voice = folder / "data" / "voices" / name
    voice.mkdir(parents=True)
    (voice / "voice.json").write_text('{"name": "Ada"}')
    (voice / "1.flac").write_bytes(recording)


def kept_folders(folder: Path) -> list[Path]:
    """The folders in which restores have kept the data that was there before."""
    return sorted((folder / "data").glob("before-restore-*"))


def told(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr()
    return said.out + said.err


AS_IT_WAS: tuple[str, set[str], set[str]] = ("after", {"cat", "dan"}, set())
"""The state before a restore. The data was changed after the backup."""
RESTORED: tuple[str, set[str], set[str]] = ("before", {"ada", "ben"}, {"mine.yaml"})
"""The state after a restore: that of the backup."""


def state(folder: Path) -> tuple[str, set[str], set[str]]:
    """The data that a start would find: a word in the database, the voices and the personas."""
    shown = {path.name for path in (folder / "data" / "voices").iterdir()}
    personas = {path.name for path in (folder / "personas").iterdir()}
    return word_in(folder / "data" / "seiyuu.sqlite3"), shown, personas


def run_on_a_full_disk(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m bot`` where no file can grow above a megabyte."""
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)); "
    command = f"{limited} from bot.__main__ import main; sys.exit(main({list(arguments)!r}))"
    return subprocess.run(
        (sys.executable, "-c", command), env=child_environment(), capture_output=True, text=True, check=False
    )
