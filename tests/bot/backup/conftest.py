"""Fixtures of the tests of backup and restore: a folder with the bot's data."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.database.schema import bring_up_to_date
from config.project import child_environment
from tests.bot.backup.data_folder import AS_IT_WAS, WRITE_PAIRS, change, make_voice, state


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean_environment: None) -> Path:
    """The working directory of the commands. ``DATA_DIR`` is in it."""
    monkeypatch.setenv("DATA_DIR", "data")
    personas = tmp_path / "personas"
    personas.mkdir()
    monkeypatch.setattr("bot.backup.command.PERSONAS_DIR", personas)
    return tmp_path


@pytest.fixture
def database(folder: Path) -> Path:
    path = folder / "data" / "seiyuu.sqlite3"
    path.parent.mkdir(mode=0o700)
    path.touch(0o600)
    bring_up_to_date(path)
    change(path, "before")
    return path


@pytest.fixture
def running_bot(database: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that writes to the database without a pause."""
    environment = child_environment()
    command = (sys.executable, "-c", WRITE_PAIRS, str(database.parent))
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as bot:
        assert bot.stdout is not None
        assert bot.stdout.readline() == "0\n"
        yield bot
        bot.kill()


@pytest.fixture
def to_be_restored(folder: Path, database: Path) -> Path:
    """A folder with a backup, and with data that was changed after it."""
    for voice in ("ada", "ben"):
        make_voice(folder, voice)
    (folder / "personas" / "mine.yaml").write_text("name: Mine\n")
    assert main(["backup", "saved.sqlite3"]) == 0
    (folder / "personas" / "mine.yaml").unlink()
    for old, new in (("ada", "cat"), ("ben", "dan")):
        (folder / "data" / "voices" / old).rename(folder / "data" / "voices" / new)
    change(database, "after")
    assert state(folder) == AS_IT_WAS
    return folder
