"""The stored conversations as people see them: listed, searched, opened, corrected and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from bot.conversations.keeping import Conversations
from bot.conversations.reading import ConversationReader, ListedConversation, PageOfTurns, StoredTurn
from bot.conversations.recordings import CallRecording, CallRecordings
from bot.conversations.records import CHAT
from bot.database import Database

NOT_CALLS = (CHAT, "api")
"""The transports of conversations that can't be recorded."""


class NotCorrectableError(Exception):
    """The turn can't be corrected, because it is an answer of the bot, which nobody has misheard."""


@dataclass(frozen=True, slots=True)
class OpenedConversation:
    """A stored conversation with its turns, or some of them.

    Attributes:
        earlier: whether there are turns before these.
        later: whether there are turns after these.
    """

    listed: ListedConversation
    turns: tuple[StoredTurn, ...]
    earlier: bool = False
    later: bool = False


@dataclass(frozen=True, slots=True)
class CorrectedTurn:
    """A turn after its correction, and the words that had been heard."""

    turn: StoredTurn
    heard: str


class ConversationArchive:
    """Shows stored conversations, and deletes them. Shows nothing of people who do not want to be heard.

    All methods may raise :class:`aiosqlite.Error`.

    Args:
        recordings: finds the recordings of calls.
    """

    def __init__(self, database: Database, conversations: Conversations, recordings: CallRecordings) -> None:
        self._recordings = recordings
        self._database = database
        self._conversations = conversations
        self._reader = ConversationReader(database)

    async def newest(
        self, limit: int, before: int | None = None, words: Sequence[str] = (), call: str | None = None
    ) -> list[ListedConversation]:
        """The newest conversations that are older than the one with the id ``before``.

        If ``words`` are given, only conversations are returned in which one turn has all the words, in upper or lower
        case. If ``call`` is given, the id of a call, only its conversation is returned.
        """
        await self._conversations.writer.flush()
        return await self._reader.newest(self._conversations.may_show, limit, before, words, call)

    async def open(self, conversation: int, page: PageOfTurns | None = None) -> OpenedConversation | None:
        """A conversation with its turns, or with a page of them; ``None`` if there is none with this id."""
        await self._conversations.writer.flush()
        listed = await self._reader.find(self._conversations.may_show, conversation)
        if listed is None:
            return None
        read = await self._reader.page(self._conversations.may_show, conversation, page or PageOfTurns())
        return OpenedConversation(listed, read.turns, read.earlier, read.later)

    async def recordings(self, conversation: int) -> list[CallRecording] | None:
        """The recordings of a conversation; ``None`` if there is no conversation with this id."""
        listed = await self._reader.find(self._conversations.may_show, conversation)
        if listed is None:
            return None
        if listed.transport in NOT_CALLS:
            return []
        may_show = partial(self._conversations.may_show, await self._reader.server(conversation))
        call = await self._reader.call(conversation)
        return await asyncio.to_thread(self._recordings.find, call, listed.started, listed.ended, may_show)

    async def correct(self, conversation: int, number: int, text: str) -> CorrectedTurn | None:
        """Replace the words of a person's turn. Returns ``None`` if there is no such turn.

        Afterwards, the words that were replaced are nowhere in the database's files. If these can't be cleaned now, the
        writer tries it again later.

        Raises:
            NotCorrectableError: the turn is an answer of the bot.
        """
        await self._conversations.writer.flush()
        found = await self._reader.turn(self._conversations.may_show, conversation, number)
        if found is None:
            return None
        if found.bot:
            raise NotCorrectableError
        changed = await self._database.write(
            "UPDATE turns SET text = ? WHERE conversation = ? AND number = ? AND person IS NOT NULL",
            text,
            conversation,
            number,
        )
        if not changed:
            return None
        place = (conversation, number)
        if await self._database.write("DELETE FROM fact WHERE conversation = ? AND turn = ?", *place):
            # The facts were gathered from words that nobody said. They are gathered anew.
            await self._database.write("UPDATE turns SET unread = 1 WHERE conversation = ? AND number = ?", *place)
        await self._conversations.writer.erase_traces()
        return CorrectedTurn(replace(found, text=text), found.text)

    async def delete(self, conversation: int) -> bool:
        """Delete a conversation, so that its words are nowhere in the database's files any more.

        Returns False if there is none with this id. If its call is still on, what is said from now on is a new
        conversation.

        Raises:
            aiosqlite.Error: the conversation could not be deleted; or it was deleted, but the database's files could
                not be cleaned. In the second case the writer tries to clean them again later.
        """
        await self._conversations.writer.flush()
        if await self._reader.find(self._conversations.may_show, conversation) is None:
            return False
        await self._conversations.writer.forget_conversation(conversation)
        await self._conversations.writer.erase_traces(strict=True)
        return True
