"""Recall: the section of the prompt with the facts that fit the words, which stays the same as long as it can."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import tzinfo

from bot.llm.history import Turn
from bot.memory.audience import Asker
from bot.memory.finding import FactFinder
from bot.memory.records import Fact
from bot.memory.told import section
from bot.question_vectors import QuestionVectors
from languages.search_words import words

_log = logging.getLogger(__name__)

LIMIT = 0.1
"""Seconds after which nothing is recalled, so that a reply never waits for a slow disk."""
MOST_FOUND = 8
"""Maximum number of facts that are recalled for one turn."""
MOST_TOLD = 16
"""Maximum number of facts in the section. Beyond it, those that were recalled first are left out again."""
FEWEST_WORDS = 3
"""A turn of fewer words, such as "Oh, really?", is about nothing that could be near in meaning."""
MAX_CONVERSATIONS = 200
"""Number of askers and places whose section is kept the same. The one that was used least recently is dropped."""


@dataclass(slots=True)
class _Told:
    """What an asker was told of in one place. A prompt that changes is read again by the model server, as a whole."""

    facts: list[int] = field(default_factory=list)


class MemoryRecall:
    """Recalls facts for askers. Use it only on the event loop.

    Args:
        enabled: whether anything may be recalled now.
        zone: the people's time zone.
        questions: makes the vectors of questions; ``None`` if facts are found by their words alone.
        limit: seconds after which nothing is recalled.
    """

    def __init__(
        self,
        finder: FactFinder,
        enabled: Callable[[], bool],
        zone: tzinfo,
        questions: QuestionVectors | None = None,
        *,
        limit: float = LIMIT,
    ) -> None:
        self._finder = finder
        self._enabled = enabled
        self._zone = zone
        self._questions = questions
        self._limit = limit
        self._told: OrderedDict[tuple[Asker, int | None], _Told] = OrderedDict()
        self._trouble = False

    async def section(
        self, asked: Turn, server: int | None, channel: int | None, listening: Collection[int] = ()
    ) -> str:
        """The section for the turn ``asked``; empty if nothing is recalled. Never raises.

        Args:
            server: as in :class:`~bot.memory.audience.Asker`.
            channel: the channel of the conversation; ``None`` if there is none.
            listening: ids of the people who hear the answer. Facts about others than the asker are recalled only if all
                of them may know them.
        """
        if asked.person is None or not self._enabled():
            return ""
        asker = Asker(asked.person, server)
        told = self._of(asker, channel)
        try:
            async with asyncio.timeout(self._limit):
                by_words, near = await asyncio.gather(
                    self._finder.find(asker, f"{asked.speaker} {asked.text}", told.facts, MOST_FOUND, listening),
                    self._near(asker, asked.text, listening),
                )
        except (TimeoutError, sqlite3.Error) as error:
            self._finder.interrupt()
            if not self._trouble:
                reason = str(error) or f"the search took longer than {self._limit * 1000:.0f} ms"
                _log.error("Nothing can be recalled from memory now: %s. Answers come without it", reason)
            self._trouble = True
            return ""
        if self._trouble:
            _log.warning("The memory can be recalled again")
        self._trouble = False
        facts = [*by_words, *(fact for fact in near if fact not in by_words)]
        told.facts = [fact.id for fact in facts]
        if len(told.facts) > MOST_TOLD:
            # It is cut back in large steps, so that it stays the same in between.
            told.facts = told.facts[-MOST_FOUND:]
        kept = set(told.facts)
        return section([fact for fact in facts if fact.id in kept], asked.speaker, self._zone)

    async def _near(self, asker: Asker, question: str, listening: Collection[int]) -> list[Fact]:
        """The facts that are near in meaning, if the vector of the question is there in time."""
        if self._questions is None or len(list(words(question))) < FEWEST_WORDS:
            return []
        vector = await self._questions.of(question)
        if vector is None:
            return []
        return await self._finder.near(asker, vector, self._questions.client.model, listening)

    def forget(self) -> None:
        """Forget what was told to whom, because facts were deleted."""
        self._told.clear()

    def _of(self, asker: Asker, channel: int | None) -> _Told:
        told = self._told.pop((asker, channel), None) or _Told()
        self._told[asker, channel] = told
        while len(self._told) > MAX_CONVERSATIONS:
            self._told.popitem(last=False)
        return told
