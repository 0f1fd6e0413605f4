"""Follows the operator's folder of knowledge, and finds passages for a question."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

from bot.knowledge.following import FolderError, Update, update
from bot.knowledge.fusion import fuse
from bot.knowledge.index import Found, Index, KnowledgeError
from bot.knowledge.passage import Passage
from bot.knowledge.switch import KnowledgeSwitch
from bot.text import counted
from languages.search_words import telling_words

_log = logging.getLogger(__name__)

LOOK_AGAIN = 10.0
"""Seconds between two looks at the folder."""
CANDIDATES = 30
"""Number of passages that each kind of search finds, before the results are put together."""
FITS = 0.3
"""For a prompt, passages must have at least this ``fit``, or be nearest in meaning (:data:`NEAREST`).

See :class:`~bot.knowledge.index.Found`.
"""
NEAREST = 2
"""For a prompt, this many passages that are nearest in meaning are taken even if they have no word of the question.

This holds only if the question has at least :data:`TELLING` telling words.
"""
TELLING = 2
"""Passages count as near in meaning only if the question has at least this many telling words.

These are the words that say what the question is about; see :func:`~languages.search_words.telling_words`.
"""


class Vectors(Protocol):
    """Finds passages by meaning."""

    async def follow(self, index: Index, busy: Callable[[], bool] = ...) -> None:
        """Bring the vectors up to date with the index. What fails is logged, and tried again the next time.

        Args:
            busy: tells whether to stop for now.
        """
        ...

    async def nearest(self, question: str, count: int, seconds: float) -> Mapping[int, float]:
        """The similarity of the passages nearest in meaning, by id, the nearest first; empty if it takes too long."""
        ...


class Knowledge:
    """The passages of a folder's files. Use it on the event loop; threads and child processes do the work.

    Args:
        vectors: finds passages by meaning; ``None`` for full text alone.
    """

    def __init__(self, index: Index, folder: Path, switch: KnowledgeSwitch, vectors: Vectors | None = None) -> None:
        self._index = index
        self._folder = folder
        self.switch = switch
        self._vectors = vectors
        self._told: frozenset[str] = frozenset()
        self.generation = 0
        """How often passages have changed since the start."""

    async def run(
        self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, in_call: Callable[[], bool] = lambda: False
    ) -> None:
        """Follow the folder until this is cancelled.

        Args:
            in_call: tells whether a call is on. During a call, files are read, but no vectors are made: that would take
                the graphics card from the call.
        """
        while True:
            try:
                await self._look()
            except (FolderError, KnowledgeError) as error:
                self._tell_new({str(error)})
            if self._vectors is not None:
                await self._vectors.follow(self._index, in_call)
            await sleep(LOOK_AGAIN)

    async def _look(self) -> None:
        done = await update(self._index, self._folder, _log.info)
        if done.read or done.removed:
            self.generation += 1
            _log.info("%s", summary(done, await asyncio.to_thread(self._index.count)))
        known = (await asyncio.to_thread(self._index.files)).values() if not self._told else ()
        self._tell_new({*done.problems, *(f"{each.path} can't be read: {each.fault}" for each in known if each.fault)})

    def _tell_new(self, problems: set[str]) -> None:
        for problem in sorted(problems - self._told):
            _log.warning("Knowledge: %s", problem)
        self._told |= problems

    async def count(self) -> int:
        """Number of passages; raises :class:`KnowledgeError`."""
        return await asyncio.to_thread(self._index.count)

    async def search(
        self, question: str, server: int | None = None, *, limit: int = 5, seconds: float = 0.05, fitting: bool = False
    ) -> list[Passage]:
        """The passages that fit a question best, the best first; none if the knowledge is off on the server.

        Args:
            seconds: how long to wait for the search by meaning. The search by full text is not limited by it.
            fitting: whether to return only passages that have something to do with the question, for a prompt.

        Raises:
            KnowledgeError: the index can't be read.
        """
        if not await self.switch.is_on(server):
            return []
        return await find(self._index, self._vectors, question, limit=limit, seconds=seconds, fitting=fitting)


async def find(
    index: Index, vectors: Vectors | None, question: str, *, limit: int, seconds: float, fitting: bool = False
) -> list[Passage]:
    """The passages that fit a question best, by full text, and by meaning if there are vectors.

    Raises:
        KnowledgeError: the index can't be read.
    """
    by_meaning = asyncio.create_task(_nearest(vectors, question, seconds), name="passages near in meaning")
    try:
        found = await asyncio.to_thread(index.search, question, CANDIDATES)
        near = await by_meaning
    finally:
        by_meaning.cancel()
    by_id = {each.id: each for each in found}
    missing = [key for key in near if key not in by_id]
    if missing:
        by_id |= await asyncio.to_thread(index.passages, missing)
    near = {key: similarity for key, similarity in near.items() if key in by_id}
    scores = fuse({each.id: each.fit for each in found}, near) if near else {each.id: each.score for each in found}
    best = sorted(scores, key=lambda key: scores[key], reverse=True)
    if fitting:
        best = [key for key in best if by_id[key].fit >= FITS or _is_near(key, [*near], question)]
    return [_passage(by_id[key], scores[key]) for key in best[:limit]]


async def _nearest(vectors: Vectors | None, question: str, seconds: float) -> Mapping[int, float]:
    return {} if vectors is None else await vectors.nearest(question, CANDIDATES, seconds)


def _is_near(key: int, near: list[int], question: str) -> bool:
    return key in near[:NEAREST] and len(telling_words(question)) >= TELLING


def _passage(found: Found, score: float) -> Passage:
    return Passage(found.text, found.source, round(score, 6))


def summary(done: Update, passages: int) -> str:
    """What an update did, in a sentence."""
    removed = f", {done.removed} removed" if done.removed else ""
    return f"Knowledge: {counted(done.read, 'file')} read{removed}; {counted(passages, 'passage')} in all"
