"""Background writer of stored conversations: queues turns and writes them, so that no call waits for the disk."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import aiosqlite

from bot.conversations.records import CHAT, ConversationPlace, ConversationRecords
from bot.database.write_queue import WriteQueue
from bot.llm.history import Turn

_log = logging.getLogger(__name__)

GATHER_SECONDS = 1.0
"""Seconds to wait before writing, so that the write does not delay the answer to the turn."""
RETRY_SECONDS = 30.0
"""Seconds between two attempts while the database can't be written."""


@dataclass(slots=True, eq=False)
class StoredConversation:
    """A conversation that turns can be added to.

    Attributes:
        call: the id of the call; ``None`` for a chat, and for a call that can't be recorded.
        id: the id in the database. The writer sets it when it stores the first turn of the conversation.
    """

    place: ConversationPlace
    started: float
    call: str | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class _NewTurn:
    conversation: StoredConversation
    turn: Turn
    at: float
    present: Mapping[int, str] | None
    unread: bool


@dataclass(frozen=True, slots=True)
class _End:
    conversation: StoredConversation
    at: float


@dataclass(frozen=True, slots=True)
class _Forget:
    person: int


@dataclass(frozen=True, slots=True)
class _Erase:
    """A request to clean the database's files of deleted rows."""


_Item = _NewTurn | _End | _Forget | _Erase


class ConversationWriter:
    """The queue in front of the database. Use it only on the event loop.

    :meth:`add`, :meth:`end` and :meth:`forget_person` change only the queue. :meth:`run` empties it.
    """

    def __init__(
        self, records: ConversationRecords, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._records = records
        self._queue = WriteQueue[_Item](
            self._write,
            what="Conversations",
            line=_NewTurn,
            lines="turns",
            gather=GATHER_SECONDS,
            retry=RETRY_SECONDS,
            sleep=sleep,
        )

    def add(
        self,
        conversation: StoredConversation,
        turn: Turn,
        at: float,
        present: Mapping[int, str] | None = None,
        *,
        unread: bool = False,
    ) -> None:
        """Queue a turn that was said at the time ``at``, in seconds since 1970.

        Args:
            present: the names of the people who heard it, by user id; ``None`` if that is not known.
            unread: whether facts are to be gathered from it later.
        """
        self._queue.put(_NewTurn(conversation, turn, at, present, unread))

    def end(self, conversation: StoredConversation, at: float) -> None:
        """Queue the end of a call's conversation."""
        self._queue.put(_End(conversation, at))

    def forget_person(self, person: int) -> None:
        """Delete a person's turns and the answers to them: from the queue now, from the database when it is written."""
        left: deque[_Item] = deque()
        last_speakers: dict[StoredConversation, int] = {}
        for each in self._queue.waiting:
            if isinstance(each, _NewTurn):
                if each.turn.person is not None:
                    last_speakers[each.conversation] = each.turn.person
                asker = each.turn.asker if each.turn.person is None else None
                if (asker or last_speakers.get(each.conversation)) == person:
                    continue
            # An earlier request for the same person is dropped, so that repeated ones don't fill the queue.
            if each != _Forget(person):
                left.append(each)
        self._queue.waiting = left
        self._queue.put(_Forget(person))

    async def forget_channel(self, channel: int) -> int:
        """Delete the turns of a text channel's conversations, from the queue and from the database.

        Returns the number of turns that were deleted from the database.

        Raises:
            aiosqlite.Error: the database can't be written.
        """
        self._queue.waiting = deque(
            each
            for each in self._queue.waiting
            if not (isinstance(each, _NewTurn) and each.conversation.place.channel == channel)
        )
        async with self._queue.writing:
            return await self._records.forget_channel(channel)

    async def forget_exchange(self, channel: int, person: int, text: str) -> int:
        """Delete a person's newest turn with this text in a channel's conversations, and the answers to it.

        Returns the number of deleted turns.

        Raises:
            aiosqlite.Error: the database can't be written.
        """
        await self.flush()
        async with self._queue.writing:
            forgotten = await self._records.forget_exchange(channel, person, text)
        if forgotten:
            await self.erase_traces()
        return forgotten

    async def forget_conversation(self, conversation: int) -> None:
        """Delete a conversation, from the queue and from the database.

        Raises:
            aiosqlite.Error: the database can't be written.
        """
        self._queue.waiting = deque(
            each
            for each in self._queue.waiting
            if not (isinstance(each, _NewTurn) and each.conversation.id == conversation)
        )
        async with self._queue.writing:
            await self._records.forget_conversation(conversation)

    async def forget_before(self, at: float) -> None:
        """Delete all stored turns from before ``at``, in seconds since 1970, and clean the database's files of them.

        Raises:
            aiosqlite.Error: the database can't be written.
        """
        async with self._queue.writing:
            forgotten = await self._records.forget_before(at)
        if forgotten:
            await self.erase_traces()

    async def erase_traces(self, *, strict: bool = False) -> None:
        """Clean the database's files of deleted rows. If that fails, it is queued to be tried again.

        Raises:
            aiosqlite.Error: it failed; only if ``strict``.
        """
        try:
            async with self._queue.writing:
                await self._records.erase_traces()
        except aiosqlite.Error as error:
            if _Erase() not in self._queue.waiting:
                self._queue.put(_Erase())
            if strict:
                raise
            _log.warning("Traces of deleted conversations are still in the database's files: %s; trying again", error)

    async def run(self) -> None:
        """Write the queue whenever something is in it, until cancelled."""
        await self._queue.run()

    async def flush(self) -> bool:
        """Write the queue. Returns False if the database can't be written now; the rest stays in the queue."""
        return await self._queue.flush()

    async def _write(self, item: _Item) -> None:
        match item:
            case _NewTurn(conversation, turn, at, present, unread):
                try:
                    await self._records.add(await self._id_of(conversation), turn, at, present, unread=unread)
                except aiosqlite.IntegrityError:
                    # Meanwhile all turns of the conversation were deleted, and so was the conversation.
                    conversation.id = None
                    await self._records.add(await self._id_of(conversation), turn, at, present, unread=unread)
            case _End(conversation, at):
                if conversation.id is not None:
                    await self._records.end(conversation.id, at)
            case _Forget(person):
                await self._records.forget_person(person)
                await self._records.erase_traces()
            case _Erase():
                await self._records.erase_traces()

    async def _id_of(self, conversation: StoredConversation) -> int:
        place, started = conversation.place, conversation.started
        if conversation.id is None and place.transport == CHAT:
            conversation.id = await self._records.current(place, started)
        if conversation.id is None:
            conversation.id = await self._records.begin(place, started, conversation.call)
        return conversation.id
