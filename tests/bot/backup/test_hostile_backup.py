"""Files that are no backup, and hostile backups: they are refused, and nothing changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.database.schema import bring_up_to_date, read_migrations
from tests.bot.backup.data_folder import change, kept_folders, make_voice, told, word_in


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
def test_a_file_that_is_not_a_backup_is_refused_in_one_sentence_and_changes_nothing(
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
    assert kept_folders(folder) == []


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
def test_a_manipulated_backup_is_refused(
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
