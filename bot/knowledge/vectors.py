"""Finds passages by meaning: keeps a vector of each passage, and compares them with the question's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from bot.embeddings import BATCH, EmbeddingsError
from bot.knowledge.index import Index, KnowledgeError
from bot.knowledge.vector_stores import VectorStore
from bot.question_vectors import QuestionVectors

_log = logging.getLogger(__name__)

_PROGRESS_EVERY = 20
"""Number of requests between two log lines about the progress."""


class PassageVectors:
    """Vectors of all passages.

    Args:
        questions: makes the vectors of questions; its client makes those of passages.
        open_store: opens the store of vectors. It is called in a thread, the first time that the store is needed.
    """

    def __init__(self, questions: QuestionVectors, open_store: Callable[[], VectorStore]) -> None:
        self._questions = questions
        self._client = questions.client
        self._open_store = open_store
        self._store: VectorStore | None = None
        self._told: set[str] = set()

    async def follow(self, index: Index, busy: Callable[[], bool] = lambda: False) -> None:
        """Bring the vectors up to date with the index. What fails is logged once, and tried again the next time.

        Args:
            busy: tells whether to stop for now. It is called before each request.
        """
        try:
            store = await self._opened()
            there = await asyncio.to_thread(store.ids, self._client.model)
            wanted = await asyncio.to_thread(index.ids)
            gone = sorted(there.difference(wanted))
            if gone:
                await asyncio.to_thread(store.remove, gone)
            missing = [key for key in wanted if key not in there]
            for done in range(0, len(missing), BATCH):
                if busy():
                    return
                ids = missing[done : done + BATCH]
                texts = await asyncio.to_thread(index.passages, ids)
                ids = [key for key in ids if key in texts]
                if ids:
                    vectors = await self._client.passages([texts[key].text for key in ids])
                    await asyncio.to_thread(store.add, ids, vectors)
                if done and done // BATCH % _PROGRESS_EVERY == 0:
                    _log.info("Knowledge: %d of %d passages have vectors", done, len(missing))
            if missing:
                _log.info("Knowledge: %d new passages have vectors", len(missing))
        except (EmbeddingsError, KnowledgeError) as error:
            self._tell(error)

    async def nearest(self, question: str, count: int, seconds: float) -> Mapping[int, float]:
        """The similarity of the passages nearest in meaning, by id, the nearest first; empty if it takes too long."""
        vector = await self._questions.of(question, seconds)
        if vector is None:
            return {}
        try:
            return await asyncio.to_thread((await self._opened()).nearest, vector, count)
        except KnowledgeError as error:
            self._tell(error)
            return {}

    async def _opened(self) -> VectorStore:
        if self._store is None:
            self._store = await asyncio.to_thread(self._open_store)
        return self._store

    def _tell(self, error: Exception) -> None:
        if str(error) not in self._told:
            _log.warning("Knowledge: %s. Passages are found by their words alone", error)
        self._told.add(str(error))
