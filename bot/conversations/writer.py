"""Writes what is said into the database, behind the conversations: nobody who speaks or answers waits for the disk."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiosqlite

from bot.conversations.place import CHAT, ConversationPlace
from bot.conversations.records import ConversationRecords
from bot.llm.history import Turn

_log = logging.getLogger(__name__)

GATHER_SECONDS = 1.0
"""How long something that was said waits before it is written: by then its answer is under way."""
RETRY_SECONDS = 30.0
"""Between two attempts while nothing can be written, because the disk is full perhaps."""
MAX_WAITING = 2_000
"""Turns that may wait; then the oldest are lost."""


@dataclass(slots=True, eq=False)
class StoredConversation:
    """One that goes on; the writer alone knows its ``id``, once it is written down."""

    place: ConversationPlace
    started: float
    id: int | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    conversation: StoredConversation
    turn: Turn
    at: float


@dataclass(frozen=True, slots=True)
class _End:
    conversation: StoredConversation
    at: float


@dataclass(frozen=True, slots=True)
class _Forget:
    person: int


class ConversationWriter:
    """The one that writes; everything belongs to the event loop.

    :meth:`add`, :meth:`end` and :meth:`forget_person` return at once, and :meth:`run` does the rest.
    """

    def __init__(
        self, records: ConversationRecords, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._records = records
        self._sleep = sleep
        self._waiting: deque[_Said | _End | _Forget] = deque()
        self._more = asyncio.Event()
        self._writing = asyncio.Lock()
        self._trouble = False
        self._lost = 0

    def add(self, conversation: StoredConversation, turn: Turn, at: float) -> None:
        """Somebody said something, in seconds since 1970."""
        if len(self._waiting) >= MAX_WAITING:
            turns = [number for number, each in enumerate(self._waiting) if isinstance(each, _Said)]
            if len(turns) >= MAX_WAITING:
                del self._waiting[turns[0]]
                self._lost += 1
        self._put(_Said(conversation, turn, at))

    def end(self, conversation: StoredConversation, at: float) -> None:
        """A call is over."""
        self._put(_End(conversation, at))

    def forget_person(self, person: int) -> None:
        """Forget what somebody has said, written down or not."""
        self._waiting = deque(
            each
            for each in self._waiting
            # Somebody who changes their mind often, while nothing can be written, waits once.
            if not (isinstance(each, _Said) and each.turn.person == person) and each != _Forget(person)
        )
        self._put(_Forget(person))

    async def forget_channel(self, channel: int) -> int:
        """Forget what was said in conversations of a text channel; returns how many turns that were.

        Raises:
            aiosqlite.Error: it can't be deleted.
        """
        self._waiting = deque(
            each
            for each in self._waiting
            if not (isinstance(each, _Said) and each.conversation.place.channel == channel)
        )
        async with self._writing:
            return await self._records.forget_channel(channel)

    async def forget_before(self, at: float) -> None:
        """Forget what was said before (seconds since 1970); raises :class:`aiosqlite.Error`."""
        async with self._writing:
            await self._records.forget_before(at)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._more.wait()
            await self._sleep(GATHER_SECONDS)
            if not await self.flush():
                await self._sleep(RETRY_SECONDS)

    async def flush(self) -> bool:
        """Write what waits; False where that can't be done now, and it goes on waiting."""
        async with self._writing:
            while self._waiting:
                # Taken out first: where this is cancelled, what is being written is not written twice.
                first = self._waiting.popleft()
                try:
                    await self._write(first)
                except aiosqlite.Error as error:
                    self._waiting.appendleft(first)
                    if not self._trouble:
                        _log.error("What is said can't be kept: %s; trying again every %.0f s", error, RETRY_SECONDS)
                    self._trouble = True
                    return False
            self._more.clear()
            if self._trouble:
                _log.warning("What is said is kept again; of what was said meanwhile %d turns are lost", self._lost)
            self._trouble, self._lost = False, 0
            return True

    def _put(self, item: _Said | _End | _Forget) -> None:
        self._waiting.append(item)
        self._more.set()

    async def _write(self, item: _Said | _End | _Forget) -> None:
        match item:
            case _Said(conversation, turn, at):
                try:
                    await self._records.add(await self._id_of(conversation), turn, at)
                except aiosqlite.IntegrityError:
                    # It was forgotten while nothing was in it.
                    conversation.id = None
                    await self._records.add(await self._id_of(conversation), turn, at)
            case _End(conversation, at):
                if conversation.id is not None:
                    await self._records.end(conversation.id, at)
            case _Forget(person):
                await self._records.forget_person(person)

    async def _id_of(self, conversation: StoredConversation) -> int:
        place, started = conversation.place, conversation.started
        if conversation.id is None and place.transport == CHAT:
            conversation.id = await self._records.lately(place, started)
        if conversation.id is None:
            conversation.id = await self._records.begin(place, started)
        return conversation.id
