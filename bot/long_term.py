"""Builds the parts that outlive a call: stored conversations, facts about people, notes of calls, and knowledge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import aiohttp
import aiosqlite

from bot.background import BackgroundWork
from bot.characters import Characters
from bot.consent import ListeningConsent
from bot.conversations.keeping import Conversations
from bot.conversations.recordings import CallRecordings
from bot.conversations.records import ConversationRecords
from bot.database import FILE as DATABASE_FILE
from bot.database import Database
from bot.ignored import IgnoredPeople
from bot.knowledge.knowledge import Knowledge
from bot.knowledge.opening import opened_knowledge
from bot.knowledge.recall import KnowledgeRecall
from bot.last_prompts import LastPrompts
from bot.lease import Lease
from bot.memory.forgetting import ForgottenWords
from bot.memory.gathering import FactGatherer
from bot.memory.memory import Memory
from bot.memory.opt_outs import ForgetOptedOut
from bot.metering import Meter
from bot.model_router import ModelRouter
from bot.notes.files import FOLDER as NOTES_FOLDER
from bot.notes.files import NoteFiles
from bot.notes.records import NoteRecords
from bot.notes.service import NotesService
from bot.notes.words import NoteWords
from bot.question_vectors import opened_questions
from bot.recollection import RecallService
from bot.store import Store
from bot.voice.browser.people import PAGE_PLACE
from config.sections import MemoryPolicy
from config.settings import Settings
from languages.search_words import words


@dataclass(frozen=True, slots=True)
class KeepingRules:
    """The rules on what may be kept: about which people, and in which places.

    Attributes:
        policy: the operator's rule for memory.
    """

    consent: ListeningConsent
    ignored: IgnoredPeople
    characters: Characters
    policy: MemoryPolicy

    def may_keep(self, server: int | None, person: int) -> bool:
        """Whether what a person says on a server may be stored. ``server`` is ``None`` for what is said in private."""
        return self.consent.admits(person) and not (server is not None and self.ignored.include(server, person))

    def remembers(self, place: int) -> bool:
        """Whether the persona of a place (id of the server, or of the channel in private) has a memory."""
        return self.characters.at(place).persona.memory

    def gathers_facts(self, server: int | None, channel: int | None) -> bool:
        """Whether facts are gathered from what is said in a place."""
        place = channel if server is None else server
        return self.policy is not MemoryPolicy.OFF and place is not None and self.remembers(place)


@dataclass(frozen=True, slots=True)
class LongTerm:
    """The parts that keep what people say, and recall it. Made by :func:`open_long_term`.

    Attributes:
        rules: what may be kept, about whom and where.
        conversations: what people and the bot said.
        memory: facts about people.
        gatherer: gathers these facts while no call is on.
        forget_opted_out: forgets the facts about people who opt out.
        knowledge: what the operator's files say; ``None`` if there are none.
        notes: the notes of calls.
        last_prompts: the last prompt of each place, for ``!why``.
    """

    rules: KeepingRules
    conversations: Conversations
    memory: Memory
    gatherer: FactGatherer
    forget_opted_out: ForgetOptedOut
    knowledge: Knowledge | None
    notes: NotesService
    last_prompts: LastPrompts

    def recall_service(self) -> RecallService:
        """The service that recalls facts, notes and knowledge for a turn."""
        knowledge = None if self.knowledge is None else KnowledgeRecall(self.knowledge)
        return RecallService(
            self.memory.recall, self.notes.recall, self.rules.remembers, knowledge, self._leave_the_model
        )

    def join(self, lease: Lease) -> None:
        """Let the lease pause the background work that uses the model, during calls."""
        lease.register(self.notes.finisher)
        lease.register(self.gatherer)

    def begin(self, background: BackgroundWork, in_call: Callable[[], bool]) -> None:
        """Start the background tasks of these parts."""
        if self.knowledge is not None:
            background.begin({"knowledge": partial(self.knowledge.run, in_call=in_call)})
        background.begin(
            {
                "conversations": self.conversations.writer.run,
                "old conversations": self.conversations.forget_old_daily,
                "people who opted out": self.forget_opted_out.run,
                "notes": self.notes.run_writer,
                "search in notes": self.notes.make_findable,
                "old notes": self.notes.forget_old_daily,
                "notes of people who opted out": self.notes.forget_leaving,
            }
        )
        if self.memory.enabled:
            background.begin({"facts": self.gatherer.run, "old facts": self.memory.forget_old_daily})
            if self.memory.vectors is not None:
                background.begin({"vectors of facts": partial(self.memory.vectors.run, in_call)})

    def _leave_the_model(self) -> None:
        """Stop background work that uses the model, because somebody waits for an answer."""
        self.gatherer.step_aside()
        self.notes.finisher.step_aside()


async def forget_in_recordings(recordings: CallRecordings, gone: ForgottenWords) -> None:
    """Delete from the texts beside recordings of calls what a person has asked the bot to forget.

    It is not known on which server a recording was made, so texts with these words are deleted wherever they are.

    Raises:
        aiosqlite.Error: not everything could be deleted.
    """
    try:
        await asyncio.to_thread(recordings.delete_words, lambda text: not gone.values.isdisjoint(words(text)))
    except OSError as error:
        raise aiosqlite.OperationalError(f"the texts beside recordings: {error}") from error


async def forget_in_notes(notes: NotesService, gone: ForgottenWords) -> None:
    """Delete from notes of calls what a person has asked the bot to forget.

    Raises:
        aiosqlite.Error: not everything could be deleted.
    """
    every = gone.values | gone.names
    try:
        await notes.forget_words(
            gone.server,
            lambda line: gone.include(line.text, line.person, line.at),
            lambda text: not every.isdisjoint(words(text)),
        )
    except OSError as error:
        raise aiosqlite.OperationalError(f"the notes of a call: {error}") from error


@asynccontextmanager
async def open_long_term(
    settings: Settings,
    database: Database,
    store: Store,
    rules: KeepingRules,
    models: ModelRouter,
    http: aiohttp.ClientSession,
    clock: Callable[[], datetime],
    meter: Meter,
) -> AsyncIterator[LongTerm]:
    """Open the stored data. When the context ends, all that still waits is written, and everything is closed.

    Args:
        models: the language models, which gather facts and write notes.
        http: asks for embeddings.
        clock: returns the current time in the people's time zone.
        meter: counts the tokens of embeddings.

    Raises:
        DatabaseError, OSError: something stored could not be opened. The text says what to do.
    """
    consent, zone = rules.consent, ZoneInfo(settings.timezone)
    async with AsyncExitStack() as stack:
        conversations = Conversations(
            ConversationRecords(database), settings.keep_conversations, rules.may_keep, remembers=rules.gathers_facts
        )
        await conversations.open(consent.opted_out)
        stack.push_async_callback(conversations.close)
        stack.callback(consent.watch(conversations.writer.forget_person))
        questions = await stack.enter_async_context(opened_questions(http, settings.embeddings, meter))
        memory = await stack.enter_async_context(
            Memory.opened(
                database,
                settings.data_dir / DATABASE_FILE,
                settings.memory,
                settings.memory_days,
                conversations.writer,
                zone,
                shared=(PAGE_PLACE,),
                questions=questions,
                admits=consent.admits,
            )
        )
        forget_opted_out = ForgetOptedOut(memory, consent.opted_out)
        stack.callback(consent.watch(forget_opted_out))
        knowledge = await stack.enter_async_context(opened_knowledge(settings, store, questions))
        notes = NotesService(
            NoteRecords(database),
            NoteFiles(settings.data_dir / NOTES_FOLDER),
            models,
            await asyncio.to_thread(NoteWords),
            settings.notes_days,
            rules.may_keep,
            lambda server: rules.characters.at(server or 0).persona.model,
            lambda at: datetime.fromtimestamp(at, zone),
        )
        await notes.open(consent.opted_out)
        stack.push_async_callback(notes.close)
        stack.callback(consent.watch(notes.opted_out))
        gatherer = FactGatherer(
            memory.unread,
            memory.facts,
            memory.consent,
            memory.audiences,
            memory.gate,
            models,
            prepare=models.learn_model_sizes,
        )
        last_prompts = LastPrompts(clock)
        stack.callback(consent.watch(last_prompts.forget))

        def forget_words(_: Callable[[str], bool]) -> None:
            gatherer.step_aside()
            last_prompts.forget_all()

        memory.on_forgotten(forget_words)
        memory.also_forget(partial(forget_in_notes, notes))
        yield LongTerm(rules, conversations, memory, gatherer, forget_opted_out, knowledge, notes, last_prompts)
