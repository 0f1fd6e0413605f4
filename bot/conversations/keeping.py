"""Storage of conversations: decides which turns are stored, and deletes them after the time that the operator set."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from bot.conversations.records import ConversationPlace, ConversationRecords
from bot.conversations.writer import ConversationWriter, StoredConversation
from bot.llm.cleaning import clean_name
from bot.llm.history import MAX_TURNS, Turn
from bot.text import join_surrogates
from config.types import KeptDays

_log = logging.getLogger(__name__)

DAY = 86_400.0
CLOSE_LIMIT = 2.0
"""Seconds for writing the last turns when the bot ends. Turns that are not written by then are lost."""

Remembers = Callable[[int | None, int | None], bool]
"""A function that says whether facts are gathered from what is said in a place. Its arguments are the server's id
(``None`` in direct messages) and the channel's id.
"""
MayKeep = Callable[[int | None, int], bool]
"""A function that says whether a person's words may be stored. Its arguments are the server's id (``None`` in direct
messages) and the person's id.
"""


class Conversations:
    """The stored conversations of the whole process. Use it only on the event loop.

    Await :meth:`open` first and :meth:`close` at the end.

    Args:
        days: the number of days for which turns are kept; 0 if nothing is stored.
        may_keep: says whether a person's words may be stored. It is called for each turn of a person.
        remembers: says whether facts are gathered later from what is said in a place.
        clock: returns seconds since 1970.
        sleep: waits the given seconds.
    """

    def __init__(
        self,
        records: ConversationRecords,
        days: KeptDays,
        may_keep: MayKeep,
        *,
        remembers: Remembers = lambda server, channel: False,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.writer = ConversationWriter(records, sleep=sleep)
        self._records = records
        self._days = days
        self._may_keep = may_keep
        self._remembers = remembers
        self._clock = clock
        self._sleep = sleep

    async def open(self, opted_out: Iterable[int] = ()) -> None:
        """End the conversations that a crash left open, and delete turns that are too old.

        Args:
            opted_out: people who have opted out. Their turns are deleted, in case a crash has prevented it before.

        Raises:
            aiosqlite.Error: the database can't be used.
        """
        await self._records.end_all()
        await self._forget_old()
        if sum([await self._records.forget_person(person) for person in opted_out]):
            await self.writer.erase_traces()

    async def forget_old_daily(self) -> None:
        """Delete turns that are too old, once a day, until cancelled."""
        while True:
            await self._sleep(DAY)
            await self._forget_old()

    async def close(self) -> None:
        """Write the turns that are still queued, within :data:`CLOSE_LIMIT`."""
        try:
            async with asyncio.timeout(CLOSE_LIMIT):
                await self.writer.flush()
        except TimeoutError:
            _log.warning("The last turns of the conversations could not be stored in time")

    async def _forget_old(self) -> None:
        if self._days != "forever":
            # With 0 days everything is deleted, even turns with a time in the future (the clock may have been wrong).
            oldest = self._clock() - self._days * DAY if self._days else float("inf")
            await self.writer.forget_before(oldest)

    def begin_call(self, place: ConversationPlace, call: str | None = None) -> CallKeeper:
        """Begin the conversation of a call; returns the object that stores its turns.

        Args:
            call: the id of the call, by which its recordings are found; ``None`` if it can't be recorded.
        """
        return CallKeeper(self, place, call)

    def store_chat(self, place: ConversationPlace, asked: Turn, answered: Turn, *, typed: bool = True) -> None:
        """Store a message and its answer in the text chat, if the author's words may be stored. Returns immediately.

        Args:
            typed: whether all words of the message were typed, and none were heard in a voice message.
        """
        if asked.person is None or not self.keeps(place, asked.person):
            return
        now = self._clock()
        conversation = StoredConversation(place, now)
        self.add(conversation, replace(asked, typed=typed), now, {asked.person: asked.speaker})
        self.add(conversation, replace(answered, asker=asked.person), now)

    async def last_turns(self, place: ConversationPlace, since: float) -> list[Turn]:
        """The last turns of the newest conversation of a place, oldest first, if it has not ended before ``since``.

        Turns of people whose words may not be stored any more are left out, with the answers to them.

        Raises:
            aiosqlite.Error: the database can't be read.
        """
        shown, kept = True, []
        for turn in await self._records.last_turns(place, since, MAX_TURNS):
            whose = turn.asker if turn.person is None else turn.person
            shown = self._may_keep(place.server, whose) if whose is not None else shown
            if shown:
                kept.append(turn)
        return kept

    async def forget_channel(self, channel: int) -> int:
        """Delete all turns of a text channel's conversations; returns the number of stored turns that were deleted.

        Raises:
            aiosqlite.Error: the database can't be written.
        """
        return await self.writer.forget_channel(channel)

    def keeps(self, place: ConversationPlace, person: int) -> bool:
        """Whether a person's words at this place are stored."""
        return self._days != 0 and self._may_keep(place.server, person)

    def may_show(self, server: int | None, person: int) -> bool:
        """Whether a person's stored words may be shown. The arguments are those of :data:`MayKeep`."""
        return self._may_keep(server, person)

    def add(
        self, conversation: StoredConversation, turn: Turn, at: float, present: Mapping[int, str] | None = None
    ) -> None:
        """Queue one turn for storage, unless its text is empty. ``present``: who heard it, if known."""
        text = join_surrogates(turn.text).strip()
        if self._days != 0 and text:
            place = conversation.place
            self.writer.add(
                conversation,
                replace(turn, speaker=clean_name(join_surrogates(turn.speaker)), text=text),
                at,
                present,
                unread=turn.person is not None and self._remembers(place.server, place.channel),
            )

    def now(self) -> float:
        """The current time, in seconds since 1970."""
        return self._clock()


class CallKeeper:
    """Stores the turns of one call. All methods return immediately."""

    def __init__(self, conversations: Conversations, place: ConversationPlace, call: str | None) -> None:
        self._conversations = conversations
        self._place = place
        self._conversation = StoredConversation(place, conversations.now(), call)

    def keeps(self, person: int) -> bool:
        """Whether a person's words are stored."""
        return self._conversations.keeps(self._place, person)

    def said(self, turn: Turn, present: Mapping[int, str] | None = None) -> None:
        """Store a turn: what a person said or wrote, or the part of an answer that was heard.

        Args:
            present: the names of the people who heard it, by user id; ``None`` if that is not known.
        """
        if turn.person is None or self.keeps(turn.person):
            self._conversations.add(self._conversation, turn, self._conversations.now(), present)

    def end(self) -> None:
        """End the call's conversation."""
        self._conversations.writer.end(self._conversation, self._conversations.now())
