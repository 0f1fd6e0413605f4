"""Recalls passages for the turns of each conversation, and writes them as a section of the prompt."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict

from bot.knowledge.index import KnowledgeError
from bot.knowledge.knowledge import Knowledge
from bot.knowledge.section import knowledge_section
from bot.knowledge.shelf import Shelf
from bot.question_vectors import IN_TIME

_log = logging.getLogger(__name__)

PASSAGES = 3
"""Maximum number of passages that a question adds."""
LIMIT = 0.1
"""Seconds for which an answer waits for the passages. If they are found later, it is given without them."""
MAX_PLACES = 200
"""Maximum number of conversations whose passages stay shown. If there are more, the least recently used ones are
forgotten."""
Place = tuple[int | None, int | None]
"""The ids of a server and of a channel."""


class KnowledgeRecall:
    """Finds passages for the turns of all conversations.

    Args:
        limit: seconds that a turn waits at most.
    """

    def __init__(self, knowledge: Knowledge, limit: float = LIMIT) -> None:
        self._knowledge = knowledge
        self._limit = limit
        self._shelves: OrderedDict[Place, Shelf] = OrderedDict()
        self._told: set[str] = set()

    async def section(self, question: str, server: int | None, channel: int | None, *, unfinished: bool) -> str:
        """The text of the section for a turn; ``""`` if there is nothing to show. Never raises, and is never late.

        Args:
            unfinished: whether more words may come. If so, nothing is kept for the next turns.
        """
        shelf = self._shelf((server, channel))
        try:
            async with asyncio.timeout(self._limit):
                if not await self._knowledge.switch.is_on(server):
                    return ""
                found = await self._knowledge.search(question, server, limit=PASSAGES, seconds=IN_TIME, fitting=True)
        except KnowledgeError as error:
            self._tell(str(error))
            return ""
        except TimeoutError:
            self._tell("a search took too long")
            found = []
        return knowledge_section(shelf.with_(found, self._knowledge.generation, keep=not unfinished))

    def _tell(self, fault: str) -> None:
        """Log a fault once."""
        if fault not in self._told:
            _log.warning("Knowledge: %s. The answer is given without new passages", fault)
        self._told.add(fault)

    def _shelf(self, place: Place) -> Shelf:
        shelf = self._shelves.setdefault(place, Shelf())
        self._shelves.move_to_end(place)
        while len(self._shelves) > MAX_PLACES:
            self._shelves.popitem(last=False)
        return shelf
