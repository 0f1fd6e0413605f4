"""Vectors of facts: made in the background, and compared with the vector of a question."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable

import aiosqlite
import numpy as np

from bot.database import Database, Records
from bot.embeddings import BATCH, EmbeddingsClient, EmbeddingsError, Vectors

_log = logging.getLogger(__name__)

LOOK_EVERY = 5.0
"""Seconds between two searches for facts without a vector."""
PAUSE = 60.0
"""Seconds before the server is asked again after it has failed."""
MOST_COMPARED = 2_000
"""Maximum number of facts that are compared with a question: the newest ones that the asker may know."""
MOST_NEAR = 3
"""Maximum number of facts that are found by meaning for one question."""


def quantised(vectors: Vectors) -> list[bytes]:
    """Quantise each row to one signed byte per dimension. 100,000 facts then take 40 MB instead of 150.

    A row keeps its direction and loses its length.
    """
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    return [row.tobytes() for row in np.rint(vectors * (127 / largest)).astype(np.int8)]


def nearest(connection: sqlite3.Connection, audience: str, model: str, question: Vectors) -> list[int]:
    """The ids of the facts nearest in meaning to a question, the nearest first.

    Models differ in the similarity that they give to unrelated texts, so there is no fixed threshold. A fact counts as
    near if its similarity is at least one standard deviation above the mean of all compared facts.

    Args:
        audience: the asker's word. A fact is compared if its audience contains the word; see
            :meth:`~bot.memory.audience.Audiences.word`.
        model: the model of the question's vector.

    Raises:
        sqlite3.Error: the database can't be read.
    """
    rows = connection.execute(
        "SELECT fact.id, fact_vector.vector FROM fact_word JOIN fact_vector ON fact_vector.fact = fact_word.rowid "
        "JOIN fact ON fact.id = fact_word.rowid WHERE fact_word MATCH ? AND fact_vector.model = ? "
        "AND length(fact_vector.vector) = ? AND fact.superseded_by IS NULL ORDER BY fact_word.rowid DESC LIMIT ?",
        (f'audience : "{audience}"', model, question.shape[1], MOST_COMPARED),
    ).fetchall()
    if not rows:
        return []
    joined = b"".join(vector for _, vector in rows)
    matrix = np.frombuffer(joined, np.int8).reshape(len(rows), -1).astype(np.float32)
    fits = matrix @ question[0] / np.maximum(np.linalg.norm(matrix, axis=1), 1.0)
    # The nearer of two facts is exactly one deviation above their mean. Rounding must not exclude it.
    least = fits.mean() + fits.std() - 1e-4
    return [int(rows[at][0]) for at in np.argsort(-fits, kind="stable")[:MOST_NEAR] if fits[at] >= least]


class FactVectors(Records):
    """Keeps a vector of each fact. Use it only on the event loop."""

    def __init__(self, database: Database, client: EmbeddingsClient) -> None:
        super().__init__(database)
        self._client = client
        self._seen = 0
        self._trouble = ""

    async def run(
        self, in_call: Callable[[], bool], *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Make the vectors of new facts until cancelled. What fails is logged once and tried again.

        Args:
            in_call: says whether a call is on. During a call, no vectors are made: they would take time on the GPU.
        """
        while True:
            pause = LOOK_EVERY
            try:
                while not in_call() and await self.make_some():
                    pass
                self._trouble = ""
            except (EmbeddingsError, aiosqlite.Error) as error:
                pause = PAUSE
                if str(error) != self._trouble:
                    _log.warning("Memory: %s. New facts are found by their words alone", error)
                self._trouble = str(error)
            await sleep(pause)

    async def make_some(self) -> bool:
        """Make the vectors of some facts that have none of this model. Returns False if there are no such facts.

        Raises:
            EmbeddingsError, aiosqlite.Error: they could not be made or stored.
        """
        model = self._client.model
        newest = await self._database.row("SELECT max(id) FROM fact")
        rows = await self._database.rows(
            "SELECT fact.id, person_name, fact.fact FROM fact LEFT JOIN fact_vector ON fact_vector.fact = fact.id "
            "AND model = ? WHERE fact.id > ? AND model IS NULL ORDER BY fact.id LIMIT ?",
            model,
            self._seen,
            BATCH,
        )
        if not rows:
            # All facts so far have a vector, so the next search begins after them. An id is never used twice.
            self._seen = max(self._seen, int((newest and newest[0]) or 0))
            return False
        vectors = await self._client.passages([f"{name}: {text}" for _, name, text in rows])
        # A fact may have been forgotten while the server was asked.
        await self._database.write_many(
            "INSERT OR REPLACE INTO fact_vector SELECT id, ?2, ?3 FROM fact WHERE id = ?1",
            [(row[0], model, vector) for row, vector in zip(rows, quantised(vectors), strict=True)],
        )
        self._seen = int(rows[-1][0])
        return True
