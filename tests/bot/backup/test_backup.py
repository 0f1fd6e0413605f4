"""Backups: one undamaged file with the bot's data. It replaces an older backup only when it is complete."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.backup.contents import MAX_FILE_BYTES
from bot.database.integrity import find_damage
from bot.database.schema import APPLICATION_ID, read_migrations, version_of
from config.project import child_environment
from tests.bot.backup.data_folder import change, make_voice, run_on_a_full_disk, told, word_in
from tests.file_modes import open_to_others


def test_a_backup_is_one_undamaged_file_that_only_its_owner_can_read(folder: Path, database: Path) -> None:
    make_voice(folder, "ada")
    (folder / "out").mkdir(mode=0o700)
    assert main(["backup", "out/saved.sqlite3"]) == 0
    assert [path.name for path in (folder / "out").iterdir()] == ["saved.sqlite3"]
    assert open_to_others(folder / "out") == []
    saved = folder / "out" / "saved.sqlite3"
    assert find_damage(saved) is None
    with closing(sqlite3.connect(saved)) as backup:
        assert backup.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert version_of(backup) == len(read_migrations())
        names = [name for (name,) in backup.execute("SELECT name FROM sqlar ORDER BY name")]
    assert names == ["voices/ada/1.flac", "voices/ada/voice.json"]


def test_a_backup_is_consistent_while_a_bot_writes(folder: Path, running_bot: subprocess.Popen[str]) -> None:
    for number in range(3):
        assert main(["backup", f"{number}.sqlite3"]) == 0
        with closing(sqlite3.connect(folder / f"{number}.sqlite3")) as backup:
            (rows,) = backup.execute("SELECT count(*) FROM setting WHERE name <> 'word'").fetchone()
        assert rows > 0
        assert rows % 2 == 0, "each change writes two rows, and the backup has both or neither"
    assert running_bot.poll() is None


def test_no_backup_is_made_of_a_damaged_database(
    folder: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", "saved.sqlite3"]) == 0
    good = (folder / "saved.sqlite3").read_bytes()
    database.write_bytes(b"damaged " * 2_000)
    told(capsys)
    assert main(["backup", "saved.sqlite3"]) == 1
    assert "is damaged" in told(capsys)
    assert (folder / "saved.sqlite3").read_bytes() == good


def test_the_command_says_if_there_is_nothing_to_back_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "saved.sqlite3"]) == 1
    assert "There is nothing to back up" in told(capsys)
    assert not (folder / "saved.sqlite3").exists()


def test_an_older_backup_is_replaced_but_no_other_file(
    folder: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", "saved.sqlite3"]) == 0
    change(database, "later")
    assert main(["backup", "saved.sqlite3"]) == 0
    assert word_in(folder / "saved.sqlite3") == "later"
    (folder / "notes.txt").write_text("mine")
    told(capsys)
    for target in ("notes.txt", "data", "nowhere/saved.sqlite3", "data/seiyuu.sqlite3"):
        assert main(["backup", target]) == 2
        assert target.partition("/")[0] in told(capsys)
    assert (folder / "notes.txt").read_text() == "mine"
    assert word_in(database) == "later"


def test_a_full_disk_leaves_the_older_backup_and_no_part_of_the_new_one(folder: Path, database: Path) -> None:
    assert main(["backup", "saved.sqlite3"]) == 0
    with closing(sqlite3.connect(database)) as filled, filled:
        filled.execute("INSERT INTO setting VALUES ('large', ?)", ("x" * 3_000_000,))
    done = run_on_a_full_disk("backup", "saved.sqlite3")
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("✘ ")
    assert len(done.stderr.splitlines()) == 1
    assert word_in(folder / "saved.sqlite3") == "before"
    assert [path.name for path in folder.glob("*saved*")] == ["saved.sqlite3"]


def test_voices_of_an_external_speech_server_are_reported_as_left_out(
    folder: Path, database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_voice(folder, "ada")
    monkeypatch.setenv("TTS_WEBSOCKET_URL", "ws://10.0.0.5:8765/ws/stream")
    assert main(["backup", "saved.sqlite3"]) == 0
    assert "The voices lie with the speech server at ws://10.0.0.5:8765/ws/stream" in told(capsys)
    assert main(["restore", "saved.sqlite3"]) == 0
    assert (folder / "data" / "voices" / "ada").exists()


def test_several_external_speech_servers_are_each_named_by_their_address(
    folder: Path, database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTS_WEBSOCKET_URL", "ws://10.0.0.5:8765/ws/stream, ws://10.0.0.6:8765/ws/stream")
    assert main(["backup", "saved.sqlite3"]) == 0
    both = "the speech servers at ws://10.0.0.5:8765/ws/stream and ws://10.0.0.6:8765/ws/stream: back them up there"
    assert both in told(capsys)


def test_files_that_can_not_be_backed_up_are_left_out_and_reported(
    folder: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_voice(folder, "ada")
    ada = folder / "data" / "voices" / "ada"
    with (ada / "long.wav").open("wb") as long:
        long.truncate(MAX_FILE_BYTES + 1)
    Path(os.fsdecode(os.fsencode(ada) + b"/x\xff.wav")).touch()
    assert main(["backup", "saved.sqlite3"]) == 0
    said = told(capsys)
    assert "Not in it: voices/ada/long.wav (it is larger than 64 MiB)." in said
    assert "x\\udcff.wav (its name is not written in UTF-8)." in said
    assert main(["restore", "saved.sqlite3"]) == 0
    assert sorted(path.name for path in ada.iterdir()) == ["1.flac", "voice.json"]


def test_backups_to_one_file_at_once_do_not_disturb_each_other(folder: Path, database: Path) -> None:
    with closing(sqlite3.connect(database)) as filled, filled:
        filled.execute("INSERT INTO setting VALUES ('large', ?)", ("x" * 20_000_000,))
    command = (sys.executable, "-m", "bot", "backup", "saved.sqlite3")
    both = [subprocess.Popen(command, env=child_environment()) for _ in range(2)]
    assert [each.wait() for each in both] == [0, 0]
    assert word_in(folder / "saved.sqlite3") == "before"
    assert [path.name for path in folder.glob(".saved*")] == []


def test_the_files_of_a_killed_backup_are_deleted_a_day_later(folder: Path, database: Path) -> None:
    for name, age in ((".saved.sqlite3.abc.part", 100_000), (".saved.sqlite3.new.part", 10)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    assert main(["backup", "saved.sqlite3"]) == 0
    assert [path.name for path in folder.glob(".saved*")] == [".saved.sqlite3.new.part"]


MOUNTED = """
mount -t tmpfs none disk && cp -r data disk/ && mount -o remount,ro disk && DATA_DIR=disk/data exec "$@"
"""


def test_a_disk_that_has_become_read_only_can_be_backed_up(folder: Path, database: Path) -> None:
    mounts = ("unshare", "-Urm", "sh", "-c", MOUNTED, "sh")
    (folder / "disk").mkdir()
    try:
        subprocess.run((*mounts, "true"), check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system lets nobody mount a disk")
    with closing(sqlite3.connect(database)) as bot:
        bot.execute("PRAGMA journal_mode = WAL")
        change(database, "only in the log")
        command = (*mounts, sys.executable, "-m", "bot", "backup", "saved.sqlite3")
        done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert word_in(folder / "saved.sqlite3") == "only in the log"
    assert [path.name for path in folder.glob(".saved*")] == []
