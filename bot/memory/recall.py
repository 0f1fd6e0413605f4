"""Recall: writes the prompt's section of facts that fit what a person says, and changes it as rarely as possible."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import tzinfo

from bot.llm.history import Turn
from bot.memory.audience import MemoryAsker
from bot.memory.finding import FactFinder
from bot.memory.records import Fact
from bot.memory.told import section
from bot.question_vectors import QuestionVectors
from languages.search_words import words

_log = logging.getLogger(__name__)

LIMIT = 0.1
"""Seconds that a search may take. If it takes longer, nothing is recalled: a reply never waits for a slow disk."""
MOST_FOUND = 8
"""Maximum number of facts that are recalled for one turn."""
MOST_TOLD = 16
"""Maximum number of facts in the section. If there are more, only the last :data:`MOST_FOUND` of them stay."""
FEWEST_WORDS = 3
"""Minimum number of words of a turn for a search by meaning. A shorter turn, such as "Oh, really?", has no subject."""
MAX_CONVERSATIONS = 200
"""Maximum number of sections that are kept, one for each asker and channel. The least recently used is dropped."""


@dataclass(slots=True)
class _Told:
    """The ids of the facts in an asker's section in one channel.

    They stay in the section, because the model server reads the whole prompt again when its beginning changes.
    """

    facts: list[int] = field(default_factory=list)


class MemoryRecall:
    """Recalls facts for askers. Use it only on the event loop.

    Args:
        may_be_told: says whether there may be a fact that an asker may be told. If not, nothing is searched.
        zone: the people's time zone.
        questions: makes the vectors of questions; ``None`` if facts are found by their words alone.
        limit: seconds that a search may take. If it takes longer, nothing is recalled.
    """

    def __init__(
        self,
        finder: FactFinder,
        may_be_told: Callable[[MemoryAsker], bool],
        zone: tzinfo,
        questions: QuestionVectors | None = None,
        *,
        limit: float = LIMIT,
    ) -> None:
        self._finder = finder
        self._may_be_told = may_be_told
        self._zone = zone
        self._questions = questions
        self._limit = limit
        self._told: OrderedDict[tuple[MemoryAsker, int | None], _Told] = OrderedDict()
        self._trouble = False

    def may_recall(self, asked: Turn, server: int | None) -> bool:
        """Whether anything may be recalled for the turn ``asked``. If not, :meth:`section` returns "" at once."""
        return asked.person is not None and self._may_be_told(MemoryAsker(asked.person, server))

    async def section(
        self, asked: Turn, server: int | None, channel: int | None, listening: Collection[int] = ()
    ) -> str:
        """The section for the turn ``asked``; empty if nothing is recalled. Never raises.

        Args:
            server: as in :class:`~bot.memory.audience.MemoryAsker`.
            channel: the channel of the conversation; ``None`` if there is none.
            listening: ids of the people who hear the answer. A fact is left out if one of them may not know it, unless
                the asker has told it or is its subject.
        """
        if asked.person is None or not self.may_recall(asked, server):
            return ""
        asker = MemoryAsker(asked.person, server)
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
            _log.warning("Facts can be recalled from memory again")
        self._trouble = False
        facts = [*by_words, *(fact for fact in near if fact not in by_words)]
        told.facts = [fact.id for fact in facts]
        if len(told.facts) > MOST_TOLD:
            # Many facts are dropped at once, so that the section changes rarely.
            told.facts = told.facts[-MOST_FOUND:]
        kept = set(told.facts)
        return section([fact for fact in facts if fact.id in kept], asked.speaker, self._zone)

    async def _near(self, asker: MemoryAsker, question: str, listening: Collection[int]) -> list[Fact]:
        """The facts near in meaning to a question; empty if the question's vector does not arrive in time."""
        if self._questions is None or len(list(words(question))) < FEWEST_WORDS:
            return []
        vector = await self._questions.of(question)
        if vector is None:
            return []
        return await self._finder.near(asker, vector, self._questions.client.model, listening)

    def forget(self) -> None:
        """Forget what was told to whom, because facts were deleted."""
        self._told.clear()

    def _of(self, asker: MemoryAsker, channel: int | None) -> _Told:
        told = self._told.pop((asker, channel), None) or _Told()
        self._told[asker, channel] = told
        while len(self._told) > MAX_CONVERSATIONS:
            self._told.popitem(last=False)
        return told
