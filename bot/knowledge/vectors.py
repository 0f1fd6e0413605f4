"""Finds passages by meaning: keeps a vector of each passage, and compares them with the question's."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable

from bot.embeddings import BATCH, EmbeddingsClient, EmbeddingsError, Vectors
from bot.knowledge.index import Index, KnowledgeError
from bot.knowledge.vector_stores import VectorStore

_log = logging.getLogger(__name__)

MAX_QUESTIONS = 16
"""Questions whose vectors are kept or under way."""
ENOUGH = 0.6
"""Words so far stand for a question if they are at least this share of its characters."""
_PROGRESS_EVERY = 20
"""Requests between two lines that tell the progress."""


class PassageVectors:
    """Vectors of all passages, and of the questions asked last.

    Args:
        open_store: opens the store of vectors. It is called in a thread, the first time that the store is needed.
    """

    def __init__(self, client: EmbeddingsClient, open_store: Callable[[], VectorStore]) -> None:
        self._client = client
        self._open_store = open_store
        self._store: VectorStore | None = None
        self._questions: OrderedDict[str, asyncio.Task[Vectors | None]] = OrderedDict()
        self._told: set[str] = set()

    async def close(self) -> None:
        """Give up the questions that are under way."""
        for task in self._questions.values():
            task.cancel()
        await asyncio.gather(*self._questions.values(), return_exceptions=True)

    async def follow(self, index: Index, busy: Callable[[], bool] = lambda: False) -> None:
        """Bring the vectors up to date with the index. What fails is logged once, and tried again the next time.

        Args:
            busy: whether to stop for now, asked before each request.
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

    async def nearest(self, question: str, count: int, seconds: float) -> list[int]:
        """The ids of the passages nearest in meaning, the nearest first; empty if they are not found in time.

        If the vector of the whole question is not there in time, one of its beginning is used, which interim words
        have asked for.
        """
        try:
            async with asyncio.timeout(seconds):
                vector = await asyncio.shield(self._vector(question))
        except TimeoutError:
            vector = self._of_beginning(question)
        if vector is None:
            return []
        try:
            return await asyncio.to_thread((await self._opened()).nearest, vector, count)
        except KnowledgeError as error:
            self._tell(error)
            return []

    def _vector(self, question: str) -> asyncio.Task[Vectors | None]:
        task = self._questions.get(question)
        if task is None or (task.done() and task.result() is None):
            task = asyncio.create_task(self._asked(question), name="the vector of a question")
            self._questions[question] = task
        self._questions.move_to_end(question)
        while len(self._questions) > MAX_QUESTIONS:
            _, oldest = self._questions.popitem(last=False)
            oldest.cancel()
        return task

    async def _asked(self, question: str) -> Vectors | None:
        try:
            return await self._client.question(question)
        except EmbeddingsError as error:
            self._tell(error)
            return None

    def _of_beginning(self, question: str) -> Vectors | None:
        whole = question.casefold()
        for words in reversed(self._questions):
            task = self._questions[words]
            begins = whole.startswith(words.casefold().rstrip(" .…?!")) and len(words) >= ENOUGH * len(question)
            if begins and task.done() and not task.cancelled() and task.result() is not None:
                return task.result()
        return None

    async def _opened(self) -> VectorStore:
        if self._store is None:
            self._store = await asyncio.to_thread(self._open_store)
        return self._store

    def _tell(self, error: Exception) -> None:
        if str(error) not in self._told:
            _log.warning("Knowledge: %s. Passages are found by their words alone", error)
        self._told.add(str(error))
