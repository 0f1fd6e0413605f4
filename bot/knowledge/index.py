"""The index of the operator's files: a database of their passages, with full text. It can be rebuilt from the files."""

from __future__ import annotations

import json
import logging
import math
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bot.knowledge.readers.splitting import FilePassage
from languages.search_words import TOKENIZER, index_text, query, telling_words, words

_log = logging.getLogger(__name__)

FILE = "knowledge.db"
VERSION = 3
"""Version of the tables, of the readers and of the form of indexed words. A file with another version is replaced."""
MAX_FOUND = 50
_RARE = 3
"""A word is rare if at most this many passages have it, or one passage in a hundred if that is more."""
_BUSY_MS = 10_000
_STEPS = 2_000
"""Number of SQLite's steps between two checks whether a search takes too long."""
_PRIVATE = 0o600
_TABLES = f"""
CREATE TABLE IF NOT EXISTS file (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    stamp TEXT NOT NULL,
    notices TEXT NOT NULL,
    fault TEXT
);
CREATE TABLE IF NOT EXISTS passage (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file INTEGER NOT NULL REFERENCES file (id),
    place TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS passage_file ON passage (file);
CREATE TABLE IF NOT EXISTS vector (passage INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT OR IGNORE INTO about VALUES ('identity', lower(hex(randomblob(8)))), ('model', '');
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(headings, body, tokenize="{TOKENIZER}");
CREATE VIRTUAL TABLE IF NOT EXISTS vocabulary USING fts5vocab(words, row);
PRAGMA user_version = {VERSION};
"""  # noqa: S608  # constants


class KnowledgeError(Exception):
    """The index can't be read or written. The text says why."""


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file as it was last read.

    Attributes:
        stamp: its size and time of change. If they are the same, it has not changed.
        fault: why the file could not be read, or not to its end; ``None`` if it could.
    """

    path: str
    stamp: str
    notices: tuple[str, ...] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found.

    Attributes:
        fit: share of the question's telling words that it has, from 0 to 1. Rare words weigh more; words that no
            passage has weigh half, since people say much beside what they want to know. It is 0 if the passage has
            only one of the words, and a common one.
    """

    id: int
    text: str
    path: str
    place: str
    score: float
    fit: float

    @property
    def source(self) -> str:
        """The passage's file, and its place in the file if it has one: ``handbook.pdf, page 3``."""
        return f"{self.path}, {self.place}" if self.place else self.path


class Index:
    """The open index. Its methods block, are thread-safe, and raise :class:`KnowledgeError`.

    Two processes may have it open: SQLite's write-ahead log lets one read while the other writes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = _opened(path)
        except sqlite3.Error as error:
            raise KnowledgeError(f"{path} can't be opened: {error}") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def files(self) -> dict[str, IndexedFile]:
        """All files that were read, by their paths."""
        rows = self._rows("SELECT path, stamp, notices, fault FROM file ORDER BY path")
        return {
            path: IndexedFile(path, stamp, tuple(notices.split("\n")) if notices else (), fault)
            for path, stamp, notices, fault in rows
        }

    def count(self) -> int:
        """Number of passages."""
        return int(self._rows("SELECT count(*) FROM passage")[0][0])

    def replace(self, file: IndexedFile, passages: Iterable[FilePassage]) -> None:
        """Put the passages of a file in the place of those that it had."""
        with self._lock, _Transaction(self._connection, self._path) as database:
            _remove(database, file.path)
            row = database.execute(
                "INSERT INTO file (path, stamp, notices, fault) VALUES (?, ?, ?, ?)",
                (file.path, file.stamp, "\n".join(file.notices), file.fault),
            )
            of_file = row.lastrowid
            for passage in passages:
                added = database.execute(
                    "INSERT INTO passage (file, place, text) VALUES (?, ?, ?)", (of_file, passage.place, passage.shown)
                )
                # The name of the file is often what a question is about.
                headings = index_text(f"{Path(file.path).stem} {passage.headings} {passage.also}")
                database.execute(
                    "INSERT INTO words (rowid, headings, body) VALUES (?, ?, ?)",
                    (added.lastrowid, headings, index_text(passage.text)),
                )

    def remove(self, paths: Collection[str]) -> None:
        """Remove files and their passages."""
        with self._lock, _Transaction(self._connection, self._path) as database:
            for path in paths:
                _remove(database, path)

    def search(self, question: str, limit: int, seconds: float = 5.0) -> list[Found]:
        """The passages whose words fit the question best, the best first. Empty if it takes longer than ``seconds``."""
        wanted = query(question)
        if not wanted:
            return []
        rows = self._rows(
            "SELECT passage.id, passage.text, file.path, passage.place, -bm25(words, 2.0, 1.0) AS score, words.headings"
            " FROM words JOIN passage ON passage.id = words.rowid JOIN file ON file.id = passage.file"
            " WHERE words MATCH ? ORDER BY bm25(words, 2.0, 1.0), passage.id LIMIT ?",
            wanted,
            min(limit, MAX_FOUND),
            seconds=seconds,
        )
        weights = self._weights(telling_words(question))
        return [
            Found(key, text, path, place, score, _fit(weights, {*words(text), *headings.split()}))
            for key, text, path, place, score, headings in rows
        ]

    def passages(self, ids: Sequence[int]) -> dict[int, Found]:
        """The passages with these ids, if they still exist."""
        asked = list(ids[:MAX_FOUND])
        rows = self._rows(
            "SELECT passage.id, passage.text, file.path, passage.place FROM passage JOIN file ON file.id = passage.file"
            " WHERE passage.id IN (SELECT value FROM json_each(?))",
            json.dumps(asked),
        )
        return {key: Found(key, text, path, place, 0.0, 0.0) for key, text, path, place in rows}

    def ids(self, after: int = 0, limit: int = 1_000_000) -> list[int]:
        """The ids of all passages above ``after``, in order. The id of a passage is never used again."""
        rows = self._rows("SELECT id FROM passage WHERE id > ? ORDER BY id LIMIT ?", after, limit)
        return [int(key) for (key,) in rows]

    @property
    def identity(self) -> str:
        """A name that no other index has. An index that is made anew gets a new name."""
        return str(self._rows("SELECT value FROM about WHERE name = 'identity'")[0][0])

    def vector_ids(self, model: str) -> list[int]:
        """The ids of the passages that have a vector of a model. Vectors of other models are removed."""
        if self._rows("SELECT value FROM about WHERE name = 'model'")[0][0] != model:
            with self._lock, _Transaction(self._connection, self._path) as database:
                database.execute("DELETE FROM vector")
                database.execute("UPDATE about SET value = ? WHERE name = 'model'", (model,))
        return [int(key) for (key,) in self._rows("SELECT passage FROM vector")]

    def vectors(self) -> list[tuple[int, bytes]]:
        """The stored vectors, with the ids of their passages."""
        return [
            (int(key), bytes(data)) for key, data in self._rows("SELECT passage, data FROM vector ORDER BY passage")
        ]

    def count_vectors(self) -> int:
        """Number of stored vectors."""
        return int(self._rows("SELECT count(*) FROM vector")[0][0])

    def vector_size(self) -> tuple[int, str] | None:
        """Number of dimensions of the stored vectors, and the model that has made them; ``None`` if there are none."""
        rows = self._rows("SELECT length(data) / 2, (SELECT value FROM about WHERE name = 'model') FROM vector LIMIT 1")
        return (int(rows[0][0]), str(rows[0][1])) if rows else None

    def add_vectors(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Store vectors of passages, by the passages' ids."""
        with self._lock, _Transaction(self._connection, self._path) as database:
            database.executemany("INSERT OR REPLACE INTO vector VALUES (?, ?)", rows)

    def remove_vectors(self, ids: Iterable[int]) -> None:
        """Remove the vectors of passages."""
        with self._lock, _Transaction(self._connection, self._path) as database:
            database.executemany("DELETE FROM vector WHERE passage = ?", [(key,) for key in ids])

    def _weights(self, asked: Sequence[str]) -> dict[str, _Weight]:
        """How telling each word is: the rarer it is in all passages, the more."""
        rows = self._rows(
            "SELECT term, doc FROM vocabulary WHERE term IN (SELECT value FROM json_each(?))",
            json.dumps(asked),
        )
        counts: Mapping[str, int] = dict(rows)
        total = self.count()
        rare = max(_RARE, total / 100)
        return {
            word: _Weight(math.log(1 + (total + 0.5) / (count + 0.5)) / (1 if count else 2), count <= rare)
            for word in asked
            for count in (counts.get(word, 0),)
        }

    def _rows(self, statement: str, *values: object, seconds: float | None = None) -> list[tuple[Any, ...]]:
        with self._lock:
            until = time.monotonic() + (seconds or math.inf)
            try:
                self._connection.set_progress_handler(lambda: int(time.monotonic() > until), _STEPS)
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.OperationalError as error:
                if "interrupted" in str(error):
                    return []
                raise KnowledgeError(f"{self._path} can't be read: {error}") from error
            except sqlite3.Error as error:
                raise KnowledgeError(f"{self._path} can't be read: {error}") from error


class _Transaction:
    """A transaction that is rolled back if anything fails in it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise KnowledgeError(f"{self._path} can't be written: {error}") from error
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._connection.execute("COMMIT" if error is None else "ROLLBACK")
        except sqlite3.Error as failure:
            raise KnowledgeError(f"{self._path} can't be written: {failure}") from failure
        if isinstance(error, sqlite3.Error):
            raise KnowledgeError(f"{self._path} can't be written: {error}") from error


def _remove(database: sqlite3.Connection, path: str) -> None:
    of_file = "SELECT passage.id FROM passage JOIN file ON file.id = passage.file WHERE file.path = ?"
    database.execute(f"DELETE FROM words WHERE rowid IN ({of_file})", (path,))  # noqa: S608  # a constant
    database.execute(f"DELETE FROM passage WHERE id IN ({of_file})", (path,))  # noqa: S608  # a constant
    database.execute("DELETE FROM file WHERE path = ?", (path,))


@dataclass(frozen=True, slots=True)
class _Weight:
    weight: float
    is_rare: bool


def _fit(weights: Mapping[str, _Weight], found: Collection[str]) -> float:
    matched = [each for word, each in weights.items() if word in found]
    if len(matched) < 2 and len(weights) > 1 and not any(each.is_rare for each in matched):
        return 0.0
    return sum(each.weight for each in matched) / sum(each.weight for each in weights.values())


def _opened(path: Path) -> sqlite3.Connection:
    """Open the file, and create its tables. A file that is damaged or of another version is replaced."""
    try:
        connection = _connected(path)
        if _version(connection) == VERSION:
            return connection
        connection.close()
    except sqlite3.OperationalError:
        # Another process uses the file, or the disk is full. The file is not damaged.
        raise
    except sqlite3.DatabaseError as error:
        _log.warning("%s was damaged (%s), so the knowledge is indexed again", path, error)
    for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        each.unlink(missing_ok=True)
    connection = _connected(path)
    _version(connection)
    return connection


def _connected(path: Path) -> sqlite3.Connection:
    path.touch(_PRIVATE)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _version(connection: sqlite3.Connection) -> int:
    """The version of the tables. They are created if there are none."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        # Another process may do the same at the same time. The second one waits, and finds all tables.
        connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
