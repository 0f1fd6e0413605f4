"""Which conversations are kept, and for how long: what the operator set, and what people want."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.conversations.place import ConversationPlace
from bot.conversations.records import ConversationRecords
from bot.conversations.writer import ConversationWriter, StoredConversation
from bot.llm.cleaning import clean_name
from bot.llm.history import Turn
from bot.text import join_surrogates
from config.types import KeptDays

_log = logging.getLogger(__name__)

DAY = 86_400.0
CLOSE_LIMIT = 2.0
"""Seconds for writing the last words when the bot ends."""

MayKeep = Callable[[int | None, int], bool]
"""Whether what somebody says on a server (ids; ``None``: in private) may be kept."""


class Conversations:
    """One for the process; all of it belongs to the event loop. :meth:`open` it first, and :meth:`close` it.

    Args:
        days: how long what is said is kept; 0: not at all.
        may_keep: asked for everything that a person says.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        records: ConversationRecords,
        days: KeptDays,
        may_keep: MayKeep,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.writer = ConversationWriter(records, sleep=sleep)
        self._records = records
        self._days = days
        self._may_keep = may_keep
        self._clock = clock
        self._sleep = sleep

    async def open(self) -> None:
        """End what a crash has left open, and forget what is too old; may raise :class:`aiosqlite.Error`."""
        await self._records.end_all()
        await self._forget_old()

    async def keep_to_the_limit(self) -> None:
        """Forget what is too old, once a day, until cancelled."""
        while True:
            await self._sleep(DAY)
            await self._forget_old()

    async def close(self) -> None:
        """Write what waits, within :data:`CLOSE_LIMIT`."""
        try:
            async with asyncio.timeout(CLOSE_LIMIT):
                await self.writer.flush()
        except TimeoutError:
            _log.warning("What was said last could not be written in time")

    async def _forget_old(self) -> None:
        if self._days != "forever":
            # With 0 days nothing may stay, whatever the clock was when it was said.
            oldest = self._clock() - self._days * DAY if self._days else float("inf")
            await self.writer.forget_before(oldest)

    def call(self, place: ConversationPlace) -> CallKeeper:
        """Of a call that begins: what takes what is said in it."""
        return CallKeeper(self, place)

    def chat(self, place: ConversationPlace, asked: Turn, answered: Turn) -> None:
        """Keep what was written and answered, if its author lets us. It takes no time."""
        if asked.person is None or not self.keeps(place, asked.person):
            return
        now = self._clock()
        conversation = StoredConversation(place, now)
        self.add(conversation, asked, now)
        self.add(conversation, answered, now)

    async def forget_channel(self, channel: int) -> int:
        """Forget what was said in conversations of a text channel; returns how many turns that were.

        Raises:
            aiosqlite.Error: it can't be deleted.
        """
        return await self.writer.forget_channel(channel)

    def keeps(self, place: ConversationPlace, person: int) -> bool:
        """Whether what somebody says there is kept."""
        return self._days != 0 and self._may_keep(place.server, person)

    def add(self, conversation: StoredConversation, turn: Turn, at: float) -> None:
        """Keep one turn; nothing where there are no words in it."""
        text = join_surrogates(turn.text).strip()
        if self._days != 0 and text:
            self.writer.add(
                conversation, replace(turn, speaker=clean_name(join_surrogates(turn.speaker)), text=text), at
            )

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()


class CallKeeper:
    """Takes what is said in one call. Each method returns at once."""

    def __init__(self, conversations: Conversations, place: ConversationPlace) -> None:
        self._conversations = conversations
        self._place = place
        self._conversation = StoredConversation(place, conversations.now())

    def keeps(self, person: int) -> bool:
        """Whether what somebody says is kept."""
        return self._conversations.keeps(self._place, person)

    def said(self, turn: Turn) -> None:
        """Somebody said or wrote something, or so much of an answer was heard."""
        if turn.person is None or self.keeps(turn.person):
            self._conversations.add(self._conversation, turn, self._conversations.now())

    def end(self) -> None:
        """The call is over."""
        self._conversations.writer.end(self._conversation, self._conversations.now())
