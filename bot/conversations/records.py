"""Database tables of stored conversations, and the places that conversations belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from bot.database import Records
from bot.llm.history import Turn

CHAT = "chat"
"""The transport of the text chat's conversations. A call's conversation has the call's transport, such as "discord"."""


@dataclass(frozen=True, slots=True)
class ConversationPlace:
    """The place of a conversation.

    Attributes:
        transport: what carries the words: :data:`CHAT`, or the name of a call's transport.
        name: the place's name for people.
        server: the id of the Discord server; ``None`` in direct messages and outside of Discord.
        channel: the id of the text channel that belongs to the conversation; ``None`` if there is none.
    """

    transport: str
    name: str
    server: int | None = None
    channel: int | None = None


SILENCE = 3_600.0
"""Seconds of silence in a text channel after which a new conversation begins."""
LONGEST = 86_400.0
"""Longest conversation in a text channel, in seconds. After that a new one begins, even without silence."""
MAX_TURNS = 500
"""Maximum number of turns of a conversation in a text channel. After that a new one begins, even without silence."""
DELETE_BATCH = 500
"""Maximum number of turns that are deleted in one transaction, which takes a few milliseconds."""

_PEOPLE = "CASE WHEN json_valid(people) THEN people ELSE '[]' END"
"""The names of the people in a conversation, as JSON. A damaged list counts as empty."""
_FORGET_PEOPLE_WITHOUT_TURNS = f"""
UPDATE conversations SET people = (
    SELECT json_group_array(value) FROM (
        SELECT value FROM json_each({_PEOPLE}) WHERE EXISTS (
            SELECT 1 FROM turns WHERE conversation = conversations.id AND who = value AND person IS NOT NULL
        ) ORDER BY key
    )
) WHERE id = ?
"""  # noqa: S608
_ANSWERS_TO = """
person IS NULL AND (asker = ?2 OR (asker IS NULL AND rowid IN (
    SELECT a.rowid FROM turns p JOIN turns a ON a.conversation = p.conversation AND a.number > p.number
    AND a.number < coalesce((
        SELECT n.number FROM turns n WHERE n.conversation = p.conversation AND n.number > p.number
        AND n.person IS NOT NULL ORDER BY n.number LIMIT 1
    ), 9e18)
    WHERE p.conversation = ?1 AND p.person = ?2
)))
"""
"""The condition for the answers to a person. An answer of which it is not known to whom it was given counts as given to
the person who spoke last before it."""
# A conversation without an end belongs to a running call, which may go on.
_FORGET_EMPTY = """
DELETE FROM conversations
WHERE id = ? AND ended IS NOT NULL AND NOT EXISTS (SELECT 1 FROM turns WHERE conversation = conversations.id)
"""


class ConversationRecords(Records):
    """Reads and writes the tables of stored conversations.

    All methods may raise :class:`aiosqlite.Error`. All times are in seconds since 1970.
    """

    async def begin(self, place: ConversationPlace, at: float, call: str | None = None) -> int:
        """Add a conversation, and return its id. ``call`` is the call's id, if the conversation is a call.

        A conversation in the text chat has its end set from the beginning. Each turn moves the end to its own time.
        """
        return await self._database.insert(
            "INSERT INTO conversations (transport, server, channel, place, started, ended, call) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            place.transport,
            None if place.server is None else str(place.server),
            None if place.channel is None else str(place.channel),
            place.name,
            at,
            at if place.transport == CHAT else None,
            call,
        )

    async def current(self, place: ConversationPlace, now: float) -> int | None:
        """Find the conversation that a new turn at this place continues; returns its id.

        Returns ``None`` if the new turn begins a new conversation.

        A conversation is not continued after :data:`SILENCE`, or when it has reached :data:`LONGEST` or
        :data:`MAX_TURNS`.
        """
        row = await self._database.row(
            "SELECT id FROM conversations WHERE channel = ? AND transport = ? AND ended >= ? AND started >= ? "
            "AND (SELECT coalesce(max(number), 0) FROM turns WHERE conversation = id) < ? ORDER BY id DESC LIMIT 1",
            str(place.channel),
            place.transport,
            now - SILENCE,
            now - LONGEST,
            MAX_TURNS,
        )
        return None if row is None else int(row[0])

    async def add(
        self,
        conversation: int,
        turn: Turn,
        at: float,
        present: Mapping[int, str] | None = None,
        *,
        unread: bool = False,
    ) -> None:
        """Add a turn to a conversation.

        Args:
            present: the names of the people who heard it, by user id; ``None`` if that is not known.
            unread: whether facts are to be gathered from it later. No facts are gathered from turns of the bot.
        """
        who = None if turn.person is None else turn.speaker
        await self._database.write_together(
            (
                "INSERT INTO turns "
                "(conversation, number, person, who, text, at, interrupted, present, unread, typed, asker) "
                "SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM turns "
                "WHERE conversation = ?1",
                (
                    conversation,
                    None if turn.person is None else str(turn.person),
                    turn.speaker,
                    turn.text,
                    at,
                    turn.interrupted,
                    None if present is None else json.dumps({str(person): name for person, name in present.items()}),
                    unread and turn.person is not None,
                    turn.typed,
                    None if turn.asker is None else str(turn.asker),
                ),
            ),
            # A conversation in the text chat ends with its last turn, so its end moves with each turn.
            ("UPDATE conversations SET ended = max(ended, ?2) WHERE id = ?1 AND ended IS NOT NULL", (conversation, at)),
            (
                f"UPDATE conversations SET people = json_insert({_PEOPLE}, '$[#]', ?2) "  # noqa: S608
                f"WHERE id = ?1 AND ?2 IS NOT NULL AND ?2 NOT IN (SELECT value FROM json_each({_PEOPLE}))",
                (conversation, who),
            ),
        )

    async def last_turns(self, place: ConversationPlace, since: float, limit: int) -> list[Turn]:
        """The last turns, oldest first, of the newest conversation of a place, if it has not ended before ``since``.

        The place's name does not matter.
        """
        rows = await self._database.rows(
            "SELECT person, who, text, interrupted, asker FROM turns WHERE conversation = ("
            "SELECT id FROM conversations WHERE channel = ? AND transport = ? AND ended >= ? ORDER BY id DESC LIMIT 1"
            ") ORDER BY number DESC LIMIT ?",
            *(str(place.channel), place.transport, since, limit),
        )
        return [
            Turn.of_bot(text, interrupted=bool(interrupted), asker=None if asker is None else int(asker))
            if person is None
            else Turn.of_person(who, text, int(person))
            for person, who, text, interrupted, asker in reversed(rows)
        ]

    async def end(self, conversation: int, at: float) -> None:
        """Set the end of a conversation. A conversation without turns is deleted."""
        await self._database.write_together(
            ("UPDATE conversations SET ended = ? WHERE id = ?", (at, conversation)),
            (_FORGET_EMPTY, (conversation,)),
        )

    async def end_all(self) -> None:
        """End the conversations that a killed process left open, at the time of their last turn."""
        for (conversation,) in await self._database.rows("SELECT id FROM conversations WHERE ended IS NULL"):
            (at,) = await self._database.row(
                "SELECT coalesce((SELECT max(at) FROM turns WHERE conversation = id), started) "
                "FROM conversations WHERE id = ?",
                conversation,
            ) or (0.0,)
            await self.end(conversation, at)

    async def forget_channel(self, channel: int) -> int:
        """Delete all turns of a text channel's conversations, and facts from them; returns the number of turns."""
        await self._database.write(
            "DELETE FROM fact WHERE conversation IN (SELECT id FROM conversations WHERE channel = ?)", str(channel)
        )
        return await self._forget("SELECT id FROM conversations WHERE channel = ?", "?2 IS NOT NULL", str(channel))

    async def forget_conversation(self, conversation: int) -> None:
        """Delete a conversation, its turns and facts, and the same words in the text chat's memory of the channel."""
        await self._database.write_together(
            (
                "DELETE FROM chat_memory WHERE trim(text) IN (SELECT text FROM turns WHERE conversation = ?1) "
                "AND channel = (SELECT CAST(channel AS INTEGER) FROM conversations WHERE id = ?1)",
                (conversation,),
            ),
            ("DELETE FROM turns WHERE conversation = ?", (conversation,)),
            ("DELETE FROM fact WHERE conversation = ?", (conversation,)),
            ("DELETE FROM conversations WHERE id = ?", (conversation,)),
        )

    async def forget_person(self, person: int) -> int:
        """Delete all turns of a person, the answers to them, and facts from or about the person.

        The person's spoken prompts that wait for the end of a restart are deleted, too. Returns the number of turns,
        facts and prompts.
        """
        prompts = await self._database.write(
            "DELETE FROM unanswered_prompt WHERE person = ? AND message IS NULL", person
        )
        facts = await self._database.write("DELETE FROM fact WHERE speaker = ?1 OR person = ?1", str(person))
        conversations = "SELECT DISTINCT conversation FROM turns WHERE person = ?1 OR asker = ?1"
        # The answers are deleted first, because only the turns before them show to whom they were given.
        answers = await self._forget(conversations, _ANSWERS_TO, str(person))
        return prompts + facts + answers + await self._forget(conversations, "person = ?2", str(person))

    async def forget_exchange(self, channel: int, person: int, text: str) -> int:
        """Delete a person's newest turn with this text in a channel's conversations, and the answers to it.

        Returns the number of deleted turns.
        """
        found = await self._database.row(
            "SELECT t.conversation, t.number FROM turns t JOIN conversations c ON c.id = t.conversation "
            "WHERE t.person = ? AND t.text = ? AND c.channel = ? ORDER BY t.at DESC, t.number DESC LIMIT 1",
            str(person),
            text,
            str(channel),
        )
        if found is None:
            return 0
        conversation, number = found
        deleted, *_ = await self._database.write_together(
            (
                "DELETE FROM turns WHERE conversation = ?1 AND (number = ?2 OR (number > ?2 AND person IS NULL "
                "AND coalesce(asker, ?3) = ?3 AND number < coalesce((SELECT min(number) FROM turns "
                "WHERE conversation = ?1 AND number > ?2 AND person IS NOT NULL), 9e18)))",
                (conversation, number, str(person)),
            ),
            (_FORGET_PEOPLE_WITHOUT_TURNS, (conversation,)),
            (_FORGET_EMPTY, (conversation,)),
        )
        return deleted

    async def erase_traces(self) -> None:
        """Clean the database's files of deleted rows; see :meth:`bot.database.Database.erase_traces`."""
        await self._database.erase_traces()

    async def forget_before(self, at: float) -> int:
        """Delete all turns from before the time ``at``; returns the number of turns."""
        # The plus keeps SQLite from using the index on the time. With that index, SQLite would search the turns of all
        # conversations; without it, SQLite reads one conversation from its oldest turn on.
        return await self._forget("SELECT DISTINCT conversation FROM turns WHERE at < ?", "+at < ?2", at)

    async def _forget(self, conversations: str, condition: str, value: str | float) -> int:
        """Delete turns in small batches, so that other users of the database don't have to wait for all of them."""
        forgotten = 0
        for (conversation,) in await self._database.rows(conversations, value):
            deleted = DELETE_BATCH
            while deleted == DELETE_BATCH:
                deleted, *_ = await self._database.write_together(
                    (
                        "DELETE FROM turns WHERE rowid IN "  # noqa: S608
                        f"(SELECT rowid FROM turns WHERE conversation = ?1 AND {condition} LIMIT {DELETE_BATCH})",
                        (conversation, value),
                    ),
                    (_FORGET_PEOPLE_WITHOUT_TURNS, (conversation,)),
                    (_FORGET_EMPTY, (conversation,)),
                )
                forgotten += deleted
        return forgotten
