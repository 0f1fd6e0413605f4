"""The stored conversations as people see them: listed, searched, opened, corrected and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.conversations.keeping import Conversations
from bot.conversations.reading import ConversationReader, ListedConversation, StoredTurn
from bot.database import Database


class NotCorrectableError(Exception):
    """The turn is an answer of the bot. Nobody has misheard it."""


@dataclass(frozen=True, slots=True)
class OpenedConversation:
    """A stored conversation with its turns."""

    listed: ListedConversation
    turns: tuple[StoredTurn, ...]


@dataclass(frozen=True, slots=True)
class CorrectedTurn:
    """A turn after its correction, and the words that had been heard."""

    turn: StoredTurn
    heard: str


class ConversationArchive:
    """Shows stored conversations, and deletes them. Of people who do not want to be heard, nothing is shown.

    All methods may raise :class:`aiosqlite.Error`.
    """

    def __init__(self, database: Database, conversations: Conversations) -> None:
        self._database = database
        self._conversations = conversations
        self._reader = ConversationReader(database)

    async def newest(
        self, limit: int, before: int | None = None, words: Sequence[str] = ()
    ) -> list[ListedConversation]:
        """The newest conversations that are older than the one with the id ``before``.

        With ``words``, only those with a turn that has all of them, in upper or lower case.
        """
        await self._conversations.writer.flush()
        return await self._reader.newest(self._conversations.may_show, limit, before, words)

    async def open(self, conversation: int) -> OpenedConversation | None:
        """A conversation with its turns; ``None`` if there is none with this id."""
        await self._conversations.writer.flush()
        listed = await self._reader.find(self._conversations.may_show, conversation)
        if listed is None:
            return None
        turns = await self._reader.turns(self._conversations.may_show, conversation)
        return OpenedConversation(listed, tuple(turns))

    async def correct(self, conversation: int, number: int, text: str) -> CorrectedTurn | None:
        """Replace the words of a person's turn. Returns ``None`` if there is no such turn.

        Raises:
            NotCorrectableError: the bot said it.
        """
        await self._conversations.writer.flush()
        found = await self._reader.turns(self._conversations.may_show, conversation, number)
        if not found:
            return None
        if found[0].bot:
            raise NotCorrectableError
        changed = await self._database.write(
            "UPDATE turns SET text = ? WHERE conversation = ? AND number = ? AND person IS NOT NULL",
            text,
            conversation,
            number,
        )
        return CorrectedTurn(replace(found[0], text=text), found[0].text) if changed else None

    async def delete(self, conversation: int) -> bool:
        """Delete a conversation, so that its words are nowhere in the database's files any more.

        Returns False if there is none with this id. If a call is on, what is said from now on is a new conversation.

        Raises:
            aiosqlite.Error: it could not be deleted; or it was deleted, and the files could not be cleaned.
        """
        await self._conversations.writer.flush()
        if await self._reader.find(self._conversations.may_show, conversation) is None:
            return False
        await self._conversations.writer.forget_conversation(conversation)
        await self._database.erase_traces()
        return True
