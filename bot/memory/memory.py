"""The memory service: what the bot remembers of people, for commands, calls and chat."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import Self

from bot.conversations.writer import ConversationWriter
from bot.database import Database
from bot.database.integrity import MEMORY_CHOICES_LOST_WITH
from bot.llm.cleaning import clean_name
from bot.memory.audience import Audiences, MemoryAsker
from bot.memory.consent import MemoryConsent
from bot.memory.finding import FactFinder
from bot.memory.forgetting import Forgetting, ForgottenWords
from bot.memory.gate import ForgettingGate
from bot.memory.recall import LIMIT, MemoryRecall
from bot.memory.records import Fact, FactRecords
from bot.memory.told import MAX_FACT, one_line
from bot.memory.unread import UnreadTurns
from bot.memory.vectors import FactVectors
from bot.memory.wording import fold
from bot.question_vectors import QuestionVectors
from config.sections import MemoryPolicy
from config.types import KeptDays
from languages.search_words import words as words_in

_log = logging.getLogger(__name__)

DAY = 86_400.0
CHOICES_LOST = (
    "The choices of some people who did not want to be remembered may be lost, because not all of the damaged {file} "
    "could be read. So each person is asked (MEMORY=ask). Restore a backup or delete that file, and MEMORY=on applies "
    "again"
)


ForgottenListener = Callable[[Callable[[str], bool]], None]
"""Called after facts were forgotten, with a function that says whether a text has one of the forgotten words.
It must not block.
"""
OtherRecords = Callable[[ForgottenWords], Awaitable[None]]
"""Deletes forgotten words from records that the memory does not know. May raise :class:`aiosqlite.Error`."""


class MemoryEmptyError(ValueError):
    """A correction, or a sentence that is to be noted, has no words."""


class Memory:
    """What the bot remembers of people. Made by :meth:`opened`. Use it only on the event loop.

    All methods that are awaited may raise :class:`aiosqlite.Error`.

    Args:
        writer: the writer of the stored conversations, which facts are gathered from.
        zone: the people's time zone.
        days: for how many days facts are kept.
        clock: returns seconds since 1970.

    Attributes:
        consent: who may be remembered.
        facts: the stored facts.
        unread: the turns from which no facts were gathered yet.
        audiences: who may know what.
        recall: finds the facts for the model's prompt.
        vectors: keeps a vector of each fact; ``None`` if facts are found by their words alone.
        gate: a lock, so that no fact is stored while facts are forgotten.
    """

    def __init__(
        self,
        database: Database,
        finder: FactFinder,
        consent: MemoryConsent,
        writer: ConversationWriter,
        audiences: Audiences,
        zone: tzinfo,
        days: KeptDays,
        clock: Callable[[], float],
        questions: QuestionVectors | None = None,
        recall_limit: float = LIMIT,
    ) -> None:
        self.unread = UnreadTurns(database)
        self.consent = consent
        self.facts = FactRecords(database)
        self.audiences = audiences
        self.recall = MemoryRecall(finder, self._may_be_told, zone, questions, limit=recall_limit)
        self.vectors = None if questions is None else FactVectors(database, questions.client)
        self._database = database
        self._forgetting = Forgetting(database)
        self._writer = writer
        self._days = days
        self._clock = clock
        self.gate = ForgettingGate()
        self._listeners: list[ForgottenListener] = []
        self._others: list[OtherRecords] = []

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        database: Database,
        path: Path,
        policy: MemoryPolicy,
        days: KeptDays,
        writer: ConversationWriter,
        zone: tzinfo,
        *,
        shared: Iterable[int] = (),
        questions: QuestionVectors | None = None,
        admits: Callable[[int], bool] = lambda _: True,
        clock: Callable[[], float] = time.time,
        recall_limit: float = LIMIT,
    ) -> AsyncIterator[Self]:
        """Open the memory for the time of the block, and delete the facts that are too old.

        Args:
            path: the database's file, for searches.
            shared: ids of the places whose users all count as one person. The page is such a place.
            questions: makes the vectors of questions; ``None`` if facts are found by their words alone.
            admits: returns whether a person may be listened to. Of others, nothing is kept.
            recall_limit: seconds that a search may take. If it takes longer, nothing is recalled for the turn.
        """
        audiences = Audiences(frozenset(shared))
        finder = FactFinder(path, audiences)
        policy = await _effective_policy(database, path.parent, policy)
        consent = await MemoryConsent.load(database, policy, admits)
        memory = cls(database, finder, consent, writer, audiences, zone, days, clock, questions, recall_limit)
        try:
            if await memory.facts.repair_index():
                _log.warning("The index of the memory was damaged. It was made anew from the facts; none is lost")
            await memory.facts.open()
            await memory.forget_old()
            await finder.open()
            yield memory
        finally:
            await finder.close()

    @property
    def enabled(self) -> bool:
        """Whether the bot remembers anything at all (``MEMORY``)."""
        return self.consent.policy is not MemoryPolicy.OFF

    def _may_be_told(self, asker: MemoryAsker) -> bool:
        """Whether there may be a fact that the asker may be told."""
        return self.enabled and self.facts.may_have(self.audiences.word(asker))

    def on_forgotten(self, listener: ForgottenListener) -> None:
        """Call ``listener`` each time that facts were forgotten, so that other parts drop their copies of the words."""
        self._listeners.append(listener)

    def also_forget(self, records: OtherRecords) -> None:
        """Call ``records`` each time that a person asks to forget facts, before traces are removed from the disk."""
        self._others.append(records)

    # What people ask.

    async def about(self, name: str, asker: MemoryAsker, person: int | None = None) -> list[Fact]:
        """The facts that the asker may know about a person of this name, the newest first.

        Args:
            person: the person's user id, if known. Facts about other people of the same name are then left out. Facts
                whose person is not known are included.
        """
        wanted = clean_name(name).casefold()
        found = await self.facts.search(name, audience=self.audiences.word(asker))
        return [
            fact
            for fact in found
            if fact.superseded_by is None
            and fact.person_name.casefold() == wanted
            and (person is None or fact.person in (None, person))
            and self.audiences.admits(fact.audience, asker)
        ]

    async def about_person(self, person: int, asker: MemoryAsker) -> list[Fact]:
        """The facts that the asker may know about the person with this user id, the newest first."""
        return [
            fact
            for fact in await self.facts.of(person)
            if fact.superseded_by is None and fact.person == person and self.audiences.admits(fact.audience, asker)
        ]

    async def mine(self, asker: MemoryAsker) -> list[Fact]:
        """The facts about the asker and the facts that the asker has told, the newest first.

        Facts that may not be told in the asker's place are left out.
        """
        return [
            fact
            for fact in await self.facts.of(asker.person)
            if fact.superseded_by is None and self.audiences.admits(fact.audience, asker)
        ]

    async def export(self, person: int) -> list[Fact]:
        """All facts about a person, and all that they have told, everywhere, superseded ones too; the newest first."""
        return await self.facts.of(person)

    async def search(self, words: str, person: int | None = None) -> list[Fact]:
        """The facts that have all these words: of all people and places, or those that concern one person.

        For the operator only: audiences are not checked.
        """
        return await self.facts.search(words, person=person)

    async def correct(self, fact: int, person: int, text: str) -> Fact | None:
        """Replace a fact by a corrected one. The old fact stays stored until it is forgotten, but it is never told.

        Returns the new fact, or ``None`` if there is no such fact or it does not concern the person.

        Raises:
            MemoryEmptyError: the text has no words.
        """
        old = await self.facts.find(fact)
        if old is None or not old.concerns(person):
            return None
        new = one_line(text, MAX_FACT)
        if not new:
            raise MemoryEmptyError
        own = person == old.speaker
        return await self.facts.add(
            replace(
                old,
                text=new,
                quote=new,
                speaker=person,
                speaker_name=old.speaker_name if own else old.person_name,
                conversation=None,
                turn=None,
                said_at=self._clock(),
                superseded_by=None,
            ),
            instead_of=[old.id],
        )

    # Forgetting.

    async def forget(self, fact: int, person: int) -> int:
        """Forget a fact, so that its words are nowhere on disk.

        The docstring of :meth:`bot.memory.forgetting.Forgetting.forget_words_of` says what else is deleted with it.

        Returns:
            How many facts are told no more, including those with the same words; 0 if the fact does not concern the
            person.
        """
        async with self.gate.forgetting():
            found = await self.facts.find(fact)
            if found is None or not found.concerns(person):
                return 0
            return await self._forget([found], person)

    async def forget_words(self, words: str, asker: MemoryAsker) -> int:
        """Forget the facts that have all these words, concern the asker, and may be told in the asker's place.

        Returns:
            The same as :meth:`forget`.
        """
        async with self.gate.forgetting():
            found = await self.search(words, asker.person)
            found = [fact for fact in found if self.audiences.admits(fact.audience, asker)]
            return await self._forget(found, asker.person)

    async def forget_all(self, person: int) -> int:
        """Forget all facts about a person and all that they have told, everywhere; returns how many they were.

        No facts are gathered later from what the person has said so far, nor from sentences of others that wait for
        this person's agreement.
        """
        # The model may be reading the person's sentences now. What it will find is not among the stored facts, so the
        # listeners are told now, before the facts are looked up.
        self._tell_forgotten(lambda text: False)
        async with self.gate.forgetting():
            # What was said a second ago may still wait to be written.
            await self._writer.flush()
            await self.unread.skip(person)
            found = await self.facts.of(person)
            await self._forget(found, person)
            return len(found)

    async def _forget(self, facts: list[Fact], by: int) -> int:
        if not facts:
            return 0
        # What was said a second ago may still wait to be written.
        await self._writer.flush()
        # The facts that these facts have superseded are forgotten too.
        older = [each for fact in facts for each in await self.facts.predecessors(fact.id)]
        facts = list({fact.id: fact for fact in (*facts, *older)}.values())
        same, words = await self._forgetting.forget_words_of(facts, by)
        for each in words:
            for records in self._others:
                await records(each)
        doomed = sorted({fact.id for fact in facts} | same)
        told = await self.facts.count_told(doomed)
        await self.facts.delete(doomed)
        gone = {value for fact in facts for value in fact.values}
        quotes = {fold(fact.quote) for fact in facts}
        self._tell_forgotten(lambda text: not gone.isdisjoint(words_in(text)) or fold(text) in quotes)
        await self._writer.erase_traces(strict=True)
        return told

    async def forget_old_daily(self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Delete facts that are too old, once a day, until cancelled."""
        while True:
            await sleep(DAY)
            await self.forget_old()

    async def forget_old(self) -> None:
        """Delete the facts that are older than the operator's setting."""
        if self._days == "forever":
            return
        oldest = self._clock() - self._days * DAY if self._days else float("inf")
        if await self.facts.delete_before(oldest):
            self._tell_forgotten(lambda text: False)
            await self._writer.erase_traces()

    def _tell_forgotten(self, has: Callable[[str], bool]) -> None:
        self.recall.forget()
        for listener in self._listeners:
            listener(has)

    # Consent.

    def choice(self, person: int) -> bool | None:
        """Whether a person wants to be remembered; ``None`` if they have not chosen."""
        return self.consent.choice(person)

    async def set_choice(self, person: int, keep: bool) -> None:
        """Store whether a person wants to be remembered. If not, everything about them is forgotten at once.

        If somebody agrees who had not chosen before, facts are also gathered from what they said before, and from what
        others said about them, as far as it is still stored.
        """
        await self.consent.set(person, keep)
        if keep:
            await self._database.write_together(
                (
                    "UPDATE turns SET unread = 1 WHERE EXISTS (SELECT 1 FROM memory_waiting w WHERE w.person = ?1 "
                    "AND w.conversation = turns.conversation AND w.turn = turns.number)",
                    (str(person),),
                ),
                ("DELETE FROM memory_waiting WHERE person = ?", (str(person),)),
            )
        else:
            await self.forget_all(person)

    async def erase(self, person: int) -> int:
        """Forget everything about a person, except that they refused to be remembered; returns the number of facts.

        Facts that others told in the presence of the person stay. The record of that presence is deleted.
        """
        forgotten = await self.forget_all(person)
        await self._forgetting.forget_presence_of(person, self.audiences)
        if self.choice(person) is not False:
            await self.consent.erase(person)
        return forgotten


async def _effective_policy(database: Database, folder: Path, policy: MemoryPolicy) -> MemoryPolicy:
    """The policy that applies: the operator's, or ``ASK`` while a damaged database may have lost people's refusals."""
    row = await database.row("SELECT value FROM setting WHERE name = ?", MEMORY_CHOICES_LOST_WITH)
    if policy is not MemoryPolicy.ON or row is None or not await asyncio.to_thread((folder / str(row[0])).exists):
        return policy
    _log.warning("%s", CHOICES_LOST.format(file=folder / str(row[0])))
    return MemoryPolicy.ASK
