"""Restores that end half way: they are completed or undone, and no data is lost."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.backup.moving import undo_and_clean_up
from bot.data_dir_lock import data_dir_lock
from bot.database.integrity import find_damage
from config.project import child_environment
from tests.bot.backup.data_folder import (
    AS_IT_WAS,
    RESTORED,
    change,
    kept_folders,
    make_voice,
    run_on_a_full_disk,
    state,
    told,
    word_in,
)


@pytest.mark.parametrize("after", [0.0, 0.05, 0.15])
def test_a_killed_restore_can_be_repeated_and_loses_nothing(folder: Path, database: Path, after: float) -> None:
    make_voice(folder, "ada", os.urandom(2_000_000))
    assert main(["backup", "saved.sqlite3"]) == 0
    change(database, "after")
    command = (
        "import sys; from bot.__main__ import main; print('begins', flush=True); main(['restore', 'saved.sqlite3'])"
    )
    with subprocess.Popen(
        (sys.executable, "-c", command), env=child_environment(), stdout=subprocess.PIPE
    ) as restoring:
        assert restoring.stdout is not None
        restoring.stdout.readline()
        time.sleep(after)
        restoring.send_signal(signal.SIGKILL)
    assert "after" in [word_in(path) for path in (folder / "data").rglob("seiyuu.sqlite3") if find_damage(path) is None]
    assert main(["restore", "saved.sqlite3"]) == 0
    assert word_in(database) == "before"
    assert (folder / "data" / "voices" / "ada" / "1.flac").exists()
    assert not (folder / "data" / ".restoring").exists()


RESTORE_AND_FAIL = """
import errno, os, pathlib, signal, sys
from bot.__main__ import main

rename, number, what = pathlib.Path.rename, 0, sys.argv[2]

def rename_or_fail(self, target):
    global number
    number += 1
    if number == int(sys.argv[1]):
        if what == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        os.kill(os.getpid(), signal.SIGKILL if what == "kill" else signal.SIGINT)
    return rename(self, target)

pathlib.Path.rename = rename_or_fail
import bot.backup.command
bot.backup.command.PERSONAS_DIR = pathlib.Path("personas")
sys.exit(main(["restore", "saved.sqlite3"]))
"""
"""Program that restores a backup. At one of its renames the disk is full, or the process is killed or interrupted."""


def restore_and_fail(at: int, what: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-c", RESTORE_AND_FAIL, str(at), what)
    return subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("at", "what"), [(1, "full"), (4, "full"), (8, "full"), (1, "interrupt"), (7, "interrupt")])
def test_a_restore_that_ends_half_way_is_undone_or_completed_and_says_which(
    to_be_restored: Path, at: int, what: str
) -> None:
    done = restore_and_fail(at, what)
    if done.returncode:
        assert "Nothing has changed." in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert state(to_be_restored) == AS_IT_WAS
        assert kept_folders(to_be_restored) == []
    else:
        assert "✔ Voices: 2." in done.stdout
        assert state(to_be_restored) == RESTORED
    assert (done.returncode == 0) == (what == "interrupt")


@pytest.mark.parametrize("at", [3, 7])
@pytest.mark.parametrize("by", ["the next start", "the next restore"])
def test_a_restore_that_is_killed_half_way_is_undone(
    to_be_restored: Path, at: int, by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert restore_and_fail(at, "kill").returncode == -signal.SIGKILL
    told(capsys)
    assert main(["backup", "other.sqlite3"]) == 1
    assert "a restore is running or was broken off" in told(capsys)
    if by == "the next start":
        with data_dir_lock(to_be_restored / "data"):
            assert undo_and_clean_up(to_be_restored / "data")
            assert not undo_and_clean_up(to_be_restored / "data")
        assert state(to_be_restored) == AS_IT_WAS
        assert kept_folders(to_be_restored) == []
        assert list(to_be_restored.rglob(".restoring")) == []
    assert main(["restore", "saved.sqlite3"]) == 0
    assert state(to_be_restored) == RESTORED
    (aside,) = kept_folders(to_be_restored)
    assert word_in(aside / "seiyuu.sqlite3") == "after"
    assert sorted(path.name for path in (aside / "voices").iterdir()) == ["cat", "dan"]


def test_a_restore_that_can_not_be_undone_says_so_and_the_next_start_undoes_it(
    to_be_restored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rename, number = Path.rename, 0

    def fail_from_the_third_on(self: Path, target: Path) -> Path:
        nonlocal number
        number += 1
        if number >= 3:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_from_the_third_on)
    assert main(["restore", "saved.sqlite3"]) == 1
    said = told(capsys)
    assert "can't be undone: Input/output error" in said
    assert "Nothing has changed" not in said
    monkeypatch.undo()
    assert undo_and_clean_up(to_be_restored / "data")
    assert state(to_be_restored) == AS_IT_WAS


def test_ctrl_c_while_the_backup_is_read_changes_nothing_and_says_so(
    to_be_restored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bot.backup.restoring.bring_up_to_date", interrupted)
    assert main(["restore", "saved.sqlite3"]) == 130
    assert told(capsys).splitlines()[-1] == "Stopped. Nothing has changed."
    assert state(to_be_restored) == AS_IT_WAS
    assert list(to_be_restored.rglob(".restoring")) == []


def test_a_backup_that_needs_more_space_than_is_free_is_not_restored(
    to_be_restored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bot.backup.restoring.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 20_000))
    assert main(["restore", "saved.sqlite3"]) == 1
    assert "it needs 40.0 kB more, and 20.0 kB are free. Nothing has changed." in told(capsys)
    assert state(to_be_restored) == AS_IT_WAS


def test_a_full_disk_while_restoring_changes_nothing(folder: Path, database: Path) -> None:
    with closing(sqlite3.connect(database)) as filled, filled:
        filled.execute("INSERT INTO setting VALUES ('large', ?)", ("x" * 3_000_000,))
    assert main(["backup", "saved.sqlite3"]) == 0
    change(database, "after")
    done = run_on_a_full_disk("restore", "saved.sqlite3")
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert word_in(database) == "after"
    assert kept_folders(folder) == []
    assert not (folder / "data" / ".restoring").exists()
