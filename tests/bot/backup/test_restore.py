"""Restores: a restore brings a backup back and keeps the data that was there."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.data_dir_lock import data_dir_lock
from bot.database.integrity import find_damage
from bot.database.schema import read_migrations, version_of
from tests.bot.backup.data_folder import change, kept_folders, make_voice, tables, told, word_in
from tests.bot.database.test_schema import VERSION_0


def test_a_restore_brings_the_backup_back_and_keeps_the_data_that_was_there(
    folder: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_voice(folder, "ada")
    (folder / "personas" / "mine.yaml").write_text("name: Mine\n")
    assert main(["backup", "saved.sqlite3"]) == 0
    assert ".env" in told(capsys)

    change(database, "after")
    (folder / "data" / "voices" / "ada").rename(folder / "data" / "voices" / "ben")
    (folder / "personas" / "mine.yaml").unlink()
    assert main(["restore", "saved.sqlite3"]) == 0

    assert word_in(database) == "before"
    assert "sqlar" not in tables(database)
    assert sorted(path.name for path in (folder / "data" / "voices").iterdir()) == ["ada"]
    assert (folder / "data" / "voices" / "ada" / "1.flac").read_bytes() == b"fLaC" * 5_000
    assert (folder / "personas" / "mine.yaml").read_text() == "name: Mine\n"
    (aside,) = kept_folders(folder)
    assert word_in(aside / "seiyuu.sqlite3") == "after"
    assert (aside / "voices" / "ben" / "1.flac").exists()
    assert str(Path("data") / aside.name) in told(capsys)
    assert not (folder / "data" / ".restoring").exists()


def test_data_that_was_true_only_at_the_time_of_the_backup_does_not_come_back(
    folder: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(database)) as bot, bot:
        bot.execute("INSERT INTO call VALUES (1, 2, 3)")
        bot.execute("INSERT INTO chat_waiting VALUES (21, 3, 11, 0.0, 'Ada', 'Hello?', NULL, NULL, 0)")
        bot.execute("INSERT INTO listening_choice VALUES (11, 1), (12, 0), (13, 1)")
        bot.execute("INSERT INTO conversations (transport, place, started) VALUES ('discord', 'Lounge', 0.0)")
        bot.execute(
            "INSERT INTO turns (conversation, number, person, who, text, at, interrupted) "
            "VALUES (1, 1, '11', 'Ada', 'mine', 0.0, 0), (1, 2, '13', 'Cleo', 'hers', 0.0, 0)"
        )
    assert main(["backup", "saved.sqlite3"]) == 0
    with closing(sqlite3.connect(database)) as bot, bot:
        bot.execute("UPDATE listening_choice SET listen = 0 WHERE person = 11")
    assert main(["restore", "saved.sqlite3"]) == 0
    with closing(sqlite3.connect(database)) as restored:
        assert restored.execute("SELECT * FROM call").fetchall() == []
        assert restored.execute("SELECT * FROM chat_waiting").fetchall() == []
        assert restored.execute("SELECT * FROM listening_choice").fetchall() == [(11, 0), (12, 0), (13, 1)]
        assert restored.execute("SELECT who, text FROM turns").fetchall() == [("Cleo", "hers")]
    assert "People who have opted out since the backup stay opted out: 1." in told(capsys)
    assert b"mine" not in database.read_bytes()


def test_nothing_is_restored_while_a_bot_runs(
    folder: Path, database: Path, running_bot: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", "saved.sqlite3"]) == 0
    before = sorted((folder / "data").rglob("*"))
    assert main(["restore", "saved.sqlite3"]) == 1
    said = told(capsys)
    assert f"(process {running_bot.pid})" in said
    assert said.count("Nothing") == 1
    assert sorted((folder / "data").rglob("*")) == before
    running_bot.kill()
    running_bot.wait()
    assert main(["restore", "saved.sqlite3"]) == 0


def test_the_log_of_a_killed_bot_is_neither_lost_nor_mixed_into_the_restored_database(
    folder: Path, database: Path, running_bot: subprocess.Popen[str]
) -> None:
    assert main(["backup", "saved.sqlite3"]) == 0
    running_bot.kill()
    assert running_bot.stdout is not None
    last = max(int(line) for line in running_bot.stdout if line.endswith("\n"))
    running_bot.wait()
    assert main(["restore", "saved.sqlite3"]) == 0
    assert find_damage(database) is None
    with closing(sqlite3.connect(kept_folders(folder)[0] / "seiyuu.sqlite3")) as kept:
        assert kept.execute("SELECT count(*) FROM setting WHERE name = ?", (f"{last} b",)).fetchone() == (1,)


def test_a_copy_of_an_older_database_can_be_restored(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_voice(folder, "ada")
    with closing(sqlite3.connect(folder / "copy.sqlite3")) as old:
        old.execute("PRAGMA journal_mode = WAL")
        old.executescript(VERSION_0.read_text())
    assert main(["restore", "copy.sqlite3"]) == 0
    database = folder / "data" / "seiyuu.sqlite3"
    with closing(sqlite3.connect(database)) as restored:
        assert restored.execute("SELECT count(*) FROM chat_memory").fetchone() == (2,)
        assert version_of(restored) == len(read_migrations())
    assert (folder / "data" / "voices" / "ada").exists(), "a copy of the database has no voices, so the voices stay"
    assert "The voices stay as they are" in told(capsys)


def test_a_damaged_database_can_be_replaced_and_is_kept(folder: Path, database: Path) -> None:
    assert main(["backup", "saved.sqlite3"]) == 0
    database.write_bytes(b"damaged " * 2_000)
    assert main(["restore", "saved.sqlite3"]) == 0
    assert word_in(database) == "before"
    assert (kept_folders(folder)[0] / "seiyuu.sqlite3").read_bytes() == b"damaged " * 2_000


def test_an_existing_persona_is_not_overwritten(
    folder: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = folder / "personas" / "mine.yaml"
    mine.write_text("name: Then\n")
    assert main(["backup", "saved.sqlite3"]) == 0
    mine.write_text("name: Now\n")
    assert main(["restore", "saved.sqlite3"]) == 0
    assert mine.read_text() == "name: Now\n"
    assert "Personas not added: mine (another one is here)" in told(capsys)


def test_the_lock_is_free_again_after_restoring(folder: Path, database: Path) -> None:
    assert main(["backup", "saved.sqlite3"]) == 0
    assert main(["restore", "saved.sqlite3"]) == 0
    with data_dir_lock(folder / "data"):
        pass


def test_the_error_says_if_data_dir_is_a_file(
    folder: Path, database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", "saved.sqlite3"]) == 0
    (folder / "taken").touch()
    monkeypatch.setenv("DATA_DIR", "taken")
    told(capsys)
    assert main(["restore", "saved.sqlite3"]) == 1
    assert told(capsys).startswith("✘ DATA_DIR=taken can't be used: something with that name is there already.")


def test_the_output_says_if_a_plain_copy_of_a_database_was_restored(
    folder: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "copy.sqlite3").write_bytes(database.read_bytes())
    assert main(["restore", "copy.sqlite3"]) == 0
    assert f"✔ {Path('data') / 'seiyuu.sqlite3'} was brought back from a copy of a database." in told(capsys)
