"""A backup brings everything back; whatever goes wrong on the way, what was there is still there."""

from __future__ import annotations

import os
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
"""Stands for a bot that runs: each of its changes is two rows or none."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands are typed; ``DATA_DIR`` is in it."""
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
    """Writes without a pause, in a process of its own."""
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
