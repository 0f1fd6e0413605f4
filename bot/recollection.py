"""The recall service: collects what is recalled for a turn from memory, notes and knowledge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bot.knowledge.recall import KnowledgeRecall
from bot.llm.history import Turn
from bot.llm.recollection import NOTHING, Listeners, Recollection
from bot.memory.recall import MemoryRecall
from bot.notes.recall import NotesRecall


@dataclass(frozen=True, slots=True)
class RecallService:
    """Recalls in all places where people talk with the bot: a :class:`~bot.llm.recollection.RecallSource`.

    Attributes:
        memory: recalls facts about people.
        notes: recalls from notes of calls.
        remembers: says whether the persona of a place (id of the server, or of the channel in private) has a memory.
        knowledge: finds passages of the operator's files; ``None`` if there are none.
        answering: called when an answer begins, so that background work that uses the model steps aside.
    """

    memory: MemoryRecall
    notes: NotesRecall
    remembers: Callable[[int], bool]
    knowledge: KnowledgeRecall | None = None
    answering: Callable[[], None] = lambda: None

    def at(self, server: int | None, channel: int | None = None, listeners: Listeners | None = None) -> PlaceRecall:
        """The recall of one place; see :class:`~bot.llm.recollection.RecallSource`."""
        return PlaceRecall(self, server, channel, listeners)


@dataclass(frozen=True, slots=True)
class PlaceRecall:
    """Recalls in one place: a :class:`~bot.llm.recollection.Recall`."""

    parts: RecallService
    server: int | None
    channel: int | None
    listeners: Listeners | None = None

    async def for_turn(self, asked: Turn, *, unfinished: bool) -> Recollection:
        """What is recalled for a turn. All parts are searched at the same time."""
        self.parts.answering()
        if not self._may_recall(asked):
            # A reply waits for this, so nothing is begun in vain: neither tasks nor searches on other threads.
            return NOTHING
        memory, noted, knowledge = await asyncio.gather(
            self._memory(asked),
            self.parts.notes.section(asked, self.server, self.channel),
            self._knowledge(asked, unfinished=unfinished),
        )
        return Recollection(memory="\n\n".join(filter(None, (memory, noted))), knowledge=knowledge)

    def _may_recall(self, asked: Turn) -> bool:
        parts = self.parts
        return (
            parts.knowledge is not None
            or parts.notes.may_recall(asked, self.server)
            or (self._remembers() and parts.memory.may_recall(asked, self.server))
        )

    def _remembers(self) -> bool:
        """Whether the persona has a memory."""
        place = self.server if self.server is not None else self.channel
        return place is not None and self.parts.remembers(place)

    async def _memory(self, asked: Turn) -> str:
        if not self._remembers():
            return ""
        listening = () if self.listeners is None else self.listeners()
        return await self.parts.memory.section(asked, self.server, self.channel, listening)

    async def _knowledge(self, asked: Turn, *, unfinished: bool) -> str:
        if self.parts.knowledge is None:
            return ""
        return await self.parts.knowledge.section(asked.text, self.server, self.channel, unfinished=unfinished)
