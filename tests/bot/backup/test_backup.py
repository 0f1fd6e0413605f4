"""Backup and restore: a backup restores everything, and a failure never loses the present data."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.backup.contents import MAX_FILE_BYTES
from bot.backup.moving import undo_and_clean_up
from bot.data_dir_lock import data_dir_lock
from bot.database.integrity import find_damage
from bot.database.schema import APPLICATION_ID, bring_up_to_date, read_migrations, version_of
from config.project import child_environment
from config.settings import Settings
from tests.bot.database.test_schema import VERSION_0
from tests.file_modes import open_to_others

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


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the commands. ``DATA_DIR`` is in it."""
    monkeypatch.chdir(tmp_path)
    for name in (*Settings.settings(), "TTS_VOICES_DIR"):
        monkeypatch.delenv(name.upper(), raising=False)
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


def asides(folder: Path) -> list[Path]:
    return sorted((folder / "data").glob("before-restore-*"))


def told(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr()
    return said.out + said.err


def test_what_was_backed_up_comes_back_and_what_was_there_is_kept(
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
    (aside,) = asides(folder)
    assert word_in(aside / "seiyuu.sqlite3") == "after"
    assert (aside / "voices" / "ben" / "1.flac").exists()
    assert str(Path("data") / aside.name) in told(capsys)
    assert not (folder / "data" / ".restoring").exists()


def test_what_was_true_then_alone_does_not_come_back(
    folder: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(database)) as bot, bot:
        bot.execute("INSERT INTO call VALUES (1, 1, 2, 3)")
        bot.execute("INSERT INTO chat_waiting VALUES (21, 3, 11, 0.0, 'Ada', 'Hello?', NULL, NULL, 0)")
        bot.execute("INSERT INTO listening_choice VALUES (11, 1), (12, 0), (13, 1)")
        bot.execute("INSERT INTO conversations (transport, place, started) VALUES ('discord', 'Lounge', 0.0)")
        bot.execute(
            "INSERT INTO turns VALUES (1, 1, '11', 'Ada', 'mine', 0.0, 0), (1, 2, '13', 'Cleo', 'hers', 0.0, 0)"
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
    assert "People who opted out since then stay opted out: 1." in told(capsys)
    assert b"mine" not in database.read_bytes()


def test_a_backup_is_one_sound_file_for_its_owner_alone(folder: Path, database: Path) -> None:
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


def test_it_is_consistent_while_a_bot_writes(folder: Path, running_bot: subprocess.Popen[str]) -> None:
    for number in range(3):
        assert main(["backup", f"{number}.sqlite3"]) == 0
        with closing(sqlite3.connect(folder / f"{number}.sqlite3")) as backup:
            (rows,) = backup.execute("SELECT count(*) FROM setting WHERE name <> 'word'").fetchone()
        assert rows > 0
        assert rows % 2 == 0, "half of a change"
    assert running_bot.poll() is None


def test_nothing_is_restored_while_a_bot_runs(
    folder: Path, database: Path, running_bot: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", "saved.sqlite3"]) == 0
    before = sorted((folder / "data").rglob("*"))
    assert main(["restore", "saved.sqlite3"]) == 1
    said = told(capsys)
    assert f"(process {running_bot.pid})" in said
    assert "Nothing was restored" in said
    assert sorted((folder / "data").rglob("*")) == before
    running_bot.kill()
    running_bot.wait()
    assert main(["restore", "saved.sqlite3"]) == 0


def test_a_bot_that_was_killed_leaves_nothing_in_its_log_that_is_lost_or_that_spoils_the_restored_one(
    folder: Path, database: Path, running_bot: subprocess.Popen[str]
) -> None:
    assert main(["backup", "saved.sqlite3"]) == 0
    running_bot.kill()
    assert running_bot.stdout is not None
    last = max(int(line) for line in running_bot.stdout if line.endswith("\n"))
    running_bot.wait()
    assert main(["restore", "saved.sqlite3"]) == 0
    assert find_damage(database) is None
    with closing(sqlite3.connect(asides(folder)[0] / "seiyuu.sqlite3")) as kept:
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
    assert (folder / "data" / "voices" / "ada").exists(), "of voices it knows nothing"
    assert "The voices stay as they are" in told(capsys)


def _other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE setting (x)")


def _newer(path: Path) -> None:
    path.touch()
    bring_up_to_date(path)
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {len(read_migrations()) + 1}")


def _damaged(path: Path) -> None:
    path.touch()
    bring_up_to_date(path)
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * 4096 + data[8192:])


NO_BACKUPS: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda path: None, "there is no such file"),
    "a folder": (Path.mkdir, "it is a folder"),
    "an empty file": (Path.touch, "is no backup of Seiyuu"),
    "a picture": (lambda path: path.write_bytes(b"\x89PNG" * 1_000), "is no backup of Seiyuu"),
    "another program's": (_other_database, "is no backup of Seiyuu"),
    "a newer one": (_newer, "was made by a newer Seiyuu"),
    "a damaged one": (_damaged, "is damaged"),
}


@pytest.mark.parametrize("kind", NO_BACKUPS)
def test_what_is_no_backup_is_refused_in_one_sentence_and_nothing_changes(
    folder: Path, database: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make, words = NO_BACKUPS[kind]
    make(folder / "file")
    make_voice(folder, "ada")
    assert main(["restore", "file"]) == 2
    said = told(capsys)
    assert said.startswith("✘ file ")
    assert words in said
    assert len(said.splitlines()) == 1
    assert word_in(database) == "before"
    assert (folder / "data" / "voices" / "ada").exists()
    assert asides(folder) == []


@pytest.mark.parametrize(
    ("name", "size", "data"),
    [
        ("voices/../../evil", 4, b"evil"),
        ("voices//etc/passwd/../x", 4, b"evil"),
        ("voices/ada/1.flac", 4, b"not what it says"),
        ("voices/ada/1.flac", 1 << 40, b"x"),
        ("voices/ada/1.flac", -1, b""),
        ("voices/ada/1.flac", 4, "text"),
    ],
)
def test_a_hostile_backup_writes_nothing_anywhere(
    folder: Path, database: Path, name: str, size: int, data: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", "saved.sqlite3"]) == 0
    with closing(sqlite3.connect(folder / "saved.sqlite3")) as backup, backup:
        backup.execute("INSERT INTO sqlar VALUES (?, 0, 0, ?, ?)", (name, size, data))
    before = {*folder.rglob("*"), folder / "data" / "seiyuu.lock"}
    assert main(["restore", "saved.sqlite3"]) == 2
    assert "saved.sqlite3 is no backup of Seiyuu: " in told(capsys)
    assert set(folder.rglob("*")) == before
    assert word_in(database) == "before"


def test_a_damaged_database_can_be_replaced_and_is_kept(folder: Path, database: Path) -> None:
    assert main(["backup", "saved.sqlite3"]) == 0
    database.write_bytes(b"damaged " * 2_000)
    assert main(["restore", "saved.sqlite3"]) == 0
    assert word_in(database) == "before"
    assert (asides(folder)[0] / "seiyuu.sqlite3").read_bytes() == b"damaged " * 2_000


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


def test_there_may_be_nothing_to_back_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "saved.sqlite3"]) == 1
    assert "There is nothing to back up" in told(capsys)
    assert not (folder / "saved.sqlite3").exists()


def test_an_older_backup_is_replaced_and_no_other_file(
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
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)); "
    command = f"{limited} from bot.__main__ import main; sys.exit(main(['backup', 'saved.sqlite3']))"
    done = subprocess.run(
        (sys.executable, "-c", command),
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("✘ ")
    assert len(done.stderr.splitlines()) == 1
    assert word_in(folder / "saved.sqlite3") == "before"
    assert [path.name for path in folder.glob("*saved*")] == ["saved.sqlite3"]


def test_a_full_disk_while_restoring_changes_nothing(folder: Path, database: Path) -> None:
    with closing(sqlite3.connect(database)) as filled, filled:
        filled.execute("INSERT INTO setting VALUES ('large', ?)", ("x" * 3_000_000,))
    assert main(["backup", "saved.sqlite3"]) == 0
    change(database, "after")
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000)); "
    command = f"{limited} from bot.__main__ import main; sys.exit(main(['restore', 'saved.sqlite3']))"
    done = subprocess.run(
        (sys.executable, "-c", command),
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert word_in(database) == "after"
    assert asides(folder) == []
    assert not (folder / "data" / ".restoring").exists()


@pytest.mark.parametrize("after", [0.0, 0.05, 0.15])
def test_a_restoring_that_is_killed_can_be_done_again_and_nothing_is_lost(
    folder: Path, database: Path, after: float
) -> None:
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


def test_a_persona_that_is_here_is_not_overwritten(
    folder: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = folder / "personas" / "mine.yaml"
    mine.write_text("name: Then\n")
    assert main(["backup", "saved.sqlite3"]) == 0
    mine.write_text("name: Now\n")
    assert main(["restore", "saved.sqlite3"]) == 0
    assert mine.read_text() == "name: Now\n"
    assert "Personas not added: mine (another one is here)" in told(capsys)


def test_voices_of_a_speech_server_elsewhere_are_not_in_it_and_that_is_told(
    folder: Path, database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_voice(folder, "ada")
    monkeypatch.setenv("TTS_WEBSOCKET_URL", "ws://10.0.0.5:8765/ws/stream")
    assert main(["backup", "saved.sqlite3"]) == 0
    assert "The voices lie with the speech server at ws://10.0.0.5:8765/ws/stream" in told(capsys)
    assert main(["restore", "saved.sqlite3"]) == 0
    assert (folder / "data" / "voices" / "ada").exists()


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_file_has_to_be_named(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command])
    assert ended.value.code == 2
    assert "FILE" in told(capsys)


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_help_says_what_is_in_a_backup(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "FILE" in told(capsys)


def test_the_lock_is_free_again_after_restoring(folder: Path, database: Path) -> None:
    assert main(["backup", "saved.sqlite3"]) == 0
    assert main(["restore", "saved.sqlite3"]) == 0
    with data_dir_lock(folder / "data"):
        pass


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
AS_IT_WAS: tuple[str, set[str], set[str]] = ("after", {"cat", "dan"}, set())
RESTORED: tuple[str, set[str], set[str]] = ("before", {"ada", "ben"}, {"mine.yaml"})


def state(folder: Path) -> tuple[str, set[str], set[str]]:
    """The data that a start would find: a word in the database, the voices and the personas."""
    shown = {path.name for path in (folder / "data" / "voices").iterdir()}
    personas = {path.name for path in (folder / "personas").iterdir()}
    return word_in(folder / "data" / "seiyuu.sqlite3"), shown, personas


@pytest.fixture
def to_be_restored(folder: Path, database: Path) -> Path:
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


def restore_and_fail(at: int, what: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-c", RESTORE_AND_FAIL, str(at), what)
    return subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("at", "what"), [(1, "full"), (4, "full"), (8, "full"), (1, "interrupt"), (7, "interrupt")])
def test_a_restore_that_ends_half_way_is_undone_or_done_and_says_which(
    to_be_restored: Path, at: int, what: str
) -> None:
    done = restore_and_fail(at, what)
    if done.returncode:
        assert "Nothing has changed." in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert state(to_be_restored) == AS_IT_WAS
        assert asides(to_be_restored) == []
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
    assert "a restore is at work or was broken off" in told(capsys)
    if by == "the next start":
        with data_dir_lock(to_be_restored / "data"):
            assert undo_and_clean_up(to_be_restored / "data")
            assert not undo_and_clean_up(to_be_restored / "data")
        assert state(to_be_restored) == AS_IT_WAS
        assert asides(to_be_restored) == []
        assert list(to_be_restored.rglob(".restoring")) == []
    assert main(["restore", "saved.sqlite3"]) == 0
    assert state(to_be_restored) == RESTORED
    (aside,) = asides(to_be_restored)
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


def test_ctrl_c_while_it_is_read_changes_nothing_and_says_so(
    to_be_restored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bot.backup.restoring.bring_up_to_date", interrupted)
    assert main(["restore", "saved.sqlite3"]) == 130
    assert told(capsys).splitlines()[-1] == "Stopped. Nothing has changed."
    assert state(to_be_restored) == AS_IT_WAS
    assert list(to_be_restored.rglob(".restoring")) == []


def spoil(folder: Path, statements: str) -> None:
    with closing(sqlite3.connect(folder / "saved.sqlite3", isolation_level=None)) as backup:
        backup.executescript(statements)


ENDLESS = """
DROP TABLE sqlar; CREATE VIEW sqlar (name, sz, data) AS
WITH RECURSIVE r (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT 'voices/' || x || '/a', 1, x'00' FROM r
"""
BOTH = "INSERT INTO sqlar VALUES ('voices/q', 0, 0, 1, x'00'), ('voices/q-', 0, 0, 1, x'00'), {}"
HOSTILE = {
    "an archive without an end": (ENDLESS, "sqlar"),
    "a trigger": (
        "CREATE TRIGGER t AFTER INSERT ON listening_choice BEGIN DELETE FROM listening_choice; END",
        "its trigger t",
    ),
    "a view": ("CREATE VIEW v AS SELECT 1", "its view v"),
    "a table that is missing": ("DROP TABLE chat_memory", "it lacks the table chat_memory"),
    "another table": ("DROP TABLE setting; CREATE TABLE setting (q)", "its table setting"),
    "an empty note": ("DELETE FROM backup", "it does not say what is in it"),
    "another note": ("DROP TABLE backup; CREATE TABLE backup (x)", "its table backup"),
    "no archive": ("DROP TABLE sqlar", "its table sqlar"),
    "a file in a file": (BOTH.format("('voices/q/r', 0, 0, 1, x'00')"), "lies in a file"),
    "a hidden file": ("INSERT INTO sqlar VALUES ('voices/.restoring/new', 0, 0, 1, x'00')", "which no backup has"),
    "a version that nobody made": ("PRAGMA user_version = -1", "is no backup of Seiyuu"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_backup_that_nobody_made_is_refused(
    folder: Path, database: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    statements, words = HOSTILE[kind]
    assert main(["backup", "saved.sqlite3"]) == 0
    change(database, "after")
    spoil(folder, statements)
    told(capsys)
    assert main(["restore", "saved.sqlite3"]) == 2
    said = told(capsys)
    assert words in said
    assert len(said.splitlines()) == 1
    assert said.endswith("Nothing has changed.\n")
    assert word_in(database) == "after"
    assert main(["backup", "saved.sqlite3"]) in {0, 2}


def test_a_backup_that_needs_more_room_than_there_is_writes_none_of_it(
    to_be_restored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bot.backup.restoring.shutil.disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 20_000))
    assert main(["restore", "saved.sqlite3"]) == 1
    assert "it needs 40.0 kB more, and 20.0 kB are free. Nothing has changed." in told(capsys)
    assert state(to_be_restored) == AS_IT_WAS


def test_what_can_not_be_in_a_backup_is_left_out_and_told(
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


def test_what_a_backup_that_was_killed_has_left_is_gone_a_day_later(folder: Path, database: Path) -> None:
    for name, age in ((".saved.sqlite3.abc.part", 100_000), (".saved.sqlite3.new.part", 10)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    assert main(["backup", "saved.sqlite3"]) == 0
    assert [path.name for path in folder.glob(".saved*")] == [".saved.sqlite3.new.part"]


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_what_is_no_file_is_refused_at_once(
    folder: Path, database: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(folder / "pipe")
    assert main([command, "pipe"]) == 2
    assert "is no file" in told(capsys)


def test_a_data_dir_that_is_a_file_is_told_as_that(
    folder: Path, database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", "saved.sqlite3"]) == 0
    (folder / "taken").touch()
    monkeypatch.setenv("DATA_DIR", "taken")
    told(capsys)
    assert main(["restore", "saved.sqlite3"]) == 1
    assert told(capsys).startswith("✘ DATA_DIR=taken can't be used: something with that name is there already.")


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


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_minus_is_no_file(folder: Path, database: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "-"]) == 2
    assert "for example backups/seiyuu.sqlite3" in told(capsys)
    assert not (folder / "-").exists()


def test_a_plain_copy_is_said_to_be_where_it_comes_from(
    folder: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "copy.sqlite3").write_bytes(database.read_bytes())
    assert main(["restore", "copy.sqlite3"]) == 0
    assert f"✔ {Path('data') / 'seiyuu.sqlite3'} was brought back from a copy of a database." in told(capsys)
