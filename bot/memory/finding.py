"""Finds facts that an asker may know, by full text and by meaning. It has its own thread and database connection."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import ParamSpec

from bot.database.opening import decode_text, sqlite_errors_only
from bot.embeddings import Vectors
from bot.memory.audience import Audiences, MemoryAsker
from bot.memory.records import COLUMNS, Fact, fact_of
from bot.memory.vectors import nearest
from languages.search_words import query

MAX_TERMS = 12
"""Maximum number of a question's words that are looked for. If the question has more, its last words are used."""
COMMON = 400
"""A word is used for ranking only if at most this many of the asker's facts contain it.

A more common word tells little, and ranking all its facts would take too long.
"""
BUSY_SECONDS = 0.05
"""Seconds for which a search waits for a locked database: readers wait only while the bot starts or rewrites it."""

P = ParamSpec("P")


class FactFinder:
    """Searches facts on a thread of its own.

    Args:
        path: the database's file.
    """

    def __init__(self, path: Path, audiences: Audiences) -> None:
        self._path = path
        self._audiences = audiences
        self._thread = ThreadPoolExecutor(1, "memory")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the connection now, so that the first search is fast. An error is left to the first search."""
        with suppress(sqlite3.Error):
            await self.find(MemoryAsker(0, None), "", (), 1)

    async def close(self) -> None:
        """Close the connection."""
        self.interrupt()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown(wait=False)

    def interrupt(self) -> None:
        """End the current search. Call this only if nobody waits for its result any more."""
        if (connection := self._connection) is not None:
            with suppress(sqlite3.ProgrammingError):
                connection.interrupt()

    async def find(
        self, asker: MemoryAsker, text: str, keep: Collection[int], most: int, listening: Collection[int] = ()
    ) -> list[Fact]:
        """The facts in ``keep`` that the asker may still be told, and then the facts that fit a text best.

        Args:
            keep: ids of facts that were told before.
            most: maximum number of facts that are found in addition to ``keep``.
            listening: ids of the people who hear the answer. A fact is left out if one of them may not know it. A fact
                that the asker has told, or that is about the asker, is never left out.

        Raises:
            sqlite3.Error: the database can't be read.
        """
        return await self._on_thread(self.search, asker, text, tuple(keep), most, tuple(listening))

    async def near(
        self, asker: MemoryAsker, question: Vectors, model: str, listening: Collection[int] = ()
    ) -> list[Fact]:
        """The facts nearest in meaning to a question, the nearest first; see :func:`~bot.memory.vectors.nearest`.

        Args:
            question: the vector of the question, in one row.
            model: the model that has made it.
            listening: as in :meth:`find`.

        Raises:
            sqlite3.Error: the database can't be read.
        """

        def search() -> list[Fact]:
            return self._read(
                lambda connection: nearest(connection, self._audiences.word(asker), model, question), asker, listening
            )

        return await self._on_thread(search)

    def search(
        self, asker: MemoryAsker, text: str, keep: Collection[int], most: int, listening: Collection[int] = ()
    ) -> list[Fact]:
        """As :meth:`find`, on the calling thread."""
        return self._read(
            lambda connection: [*keep, *self._rank(connection, self._audiences.word(asker), text, most)],
            asker,
            listening,
        )

    async def _on_thread(self, search: Callable[P, list[Fact]], *args: P.args, **kwargs: P.kwargs) -> list[Fact]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(search, *args, **kwargs))

    def _read(
        self, find: Callable[[sqlite3.Connection], list[int]], asker: MemoryAsker, listening: Collection[int]
    ) -> list[Fact]:
        """Read the facts whose ids ``find`` returns, and return those that may be told."""
        with sqlite_errors_only():
            try:
                connection = self._connected()
                ids = [*dict.fromkeys(find(connection))]
                marks = ", ".join("?" * len(ids))
                rows = connection.execute(
                    f"SELECT {COLUMNS} FROM fact WHERE id IN ({marks}) AND superseded_by IS NULL",  # noqa: S608
                    ids,
                ).fetchall()
            except sqlite3.DatabaseError:
                # The file may be damaged, or was replaced. This connection is not used again.
                self._disconnect()
                raise
        facts = {fact.id: fact for fact in map(fact_of, rows)}
        # The index has checked the audience already. It is derived data, so the fact's own audience is checked too.
        known = [facts[each] for each in ids if each in facts and self._audiences.admits(facts[each].audience, asker)]
        everybody = [MemoryAsker(person, asker.server) for person in listening]
        return [
            fact
            for fact in known
            if fact.concerns(asker.person) or all(self._audiences.admits(fact.audience, each) for each in everybody)
        ]

    def _rank(self, connection: sqlite3.Connection, audience: str, text: str, most: int) -> list[int]:
        """The ids of the best facts, the best first.

        Rare words (see :data:`COMMON`) are looked for together, and the facts are ranked. If all words are common, the
        newest facts with all the words come first, and then the newest facts with one of them.
        """
        terms = [each for each in query(text).split(" OR ") if each][-MAX_TERMS:]
        mine = f'audience : "{audience}"'
        telling = [each for each in terms if 0 < _count(connection, f"{mine} AND words : {each}") <= COMMON]
        if telling:
            any_of = " OR ".join(telling)
            return _ids(
                connection,
                # The weights are those of the columns: the audience does not count.
                "SELECT rowid FROM fact_word WHERE fact_word MATCH ? "
                "ORDER BY bm25(fact_word, 1.0, 0.0), rowid DESC LIMIT ?",
                f"{mine} AND words : ({any_of})",
                most,
            )
        newest = "SELECT rowid FROM fact_word WHERE fact_word MATCH ? ORDER BY rowid DESC LIMIT ?"
        found: list[int] = []
        for each in (" AND ".join(terms), *terms[: most if len(terms) > 1 else 0]):
            if each and len(found) < most:
                found += _ids(connection, newest, f"{mine} AND words : ({each})", most)
        return [*dict.fromkeys(found)][:most]

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            uri = f"{self._path.absolute().as_uri()}?mode=rw"
            connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False
            )
            connection.text_factory = decode_text
            connection.execute("PRAGMA query_only = ON")
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with closing(connection):
                pass


def _count(connection: sqlite3.Connection, wanted: str) -> int:
    """The number of facts that are found. No more than :data:`COMMON` + 1 are counted."""
    counted = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM fact_word WHERE fact_word MATCH ? LIMIT ?)", (wanted, COMMON + 1)
    )
    return int(counted.fetchone()[0])


def _ids(connection: sqlite3.Connection, statement: str, wanted: str, most: int) -> list[int]:
    return [int(row) for (row,) in connection.execute(statement, (wanted, most))]
