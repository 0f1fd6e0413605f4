"""The tables of conversations."""

from __future__ import annotations

from bot.conversations.place import CHAT, ConversationPlace
from bot.database import Records
from bot.llm.history import Turn

SILENCE = 3_600.0
"""Seconds without a word after which what is written in a channel is another conversation ..."""
LONGEST, MOST_TURNS = 86_400.0, 500
"""... as it is after so many seconds, or so many turns, where nobody is ever silent."""
AT_ONCE = 500
"""Turns that are forgotten in one step, which takes some milliseconds."""

_PEOPLE = "CASE WHEN json_valid(people) THEN people ELSE '[]' END"
"""Who said something in a conversation, by name. A damaged list begins anew."""
_FORGET_WHO_LEFT = f"""
UPDATE conversations SET people = (
    SELECT json_group_array(value) FROM (
        SELECT value FROM json_each({_PEOPLE}) WHERE EXISTS (
            SELECT 1 FROM turns WHERE conversation = conversations.id AND who = value AND person IS NOT NULL
        ) ORDER BY key
    )
) WHERE id = ?
"""  # noqa: S608
# A call that is on may go on.
_FORGET_EMPTY = """
DELETE FROM conversations
WHERE id = ? AND ended IS NOT NULL AND NOT EXISTS (SELECT 1 FROM turns WHERE conversation = conversations.id)
"""


class ConversationRecords(Records):
    """Methods may raise :class:`aiosqlite.Error`. Times in seconds since 1970."""

    async def begin(self, place: ConversationPlace, at: float) -> int:
        """A conversation begins; returns its id. What is written has ended again with its last words."""
        return await self._database.insert(
            "INSERT INTO conversations (transport, server, channel, place, started, ended) VALUES (?, ?, ?, ?, ?, ?)",
            place.transport,
            None if place.server is None else str(place.server),
            None if place.channel is None else str(place.channel),
            place.name,
            at,
            at if place.transport == CHAT else None,
        )

    async def lately(self, place: ConversationPlace, now: float) -> int | None:
        """The id of the conversation that is going on there: not silent for too long, and neither too old nor full."""
        row = await self._database.row(
            "SELECT id FROM conversations WHERE channel = ? AND transport = ? AND ended >= ? AND started >= ? "
            "AND (SELECT coalesce(max(number), 0) FROM turns WHERE conversation = id) < ? ORDER BY id DESC LIMIT 1",
            str(place.channel),
            place.transport,
            now - SILENCE,
            now - LONGEST,
            MOST_TURNS,
        )
        return None if row is None else int(row[0])

    async def add(self, conversation: int, turn: Turn, at: float) -> None:
        """Somebody said something in it."""
        who = None if turn.person is None else turn.speaker
        await self._database.write_together(
            (
                "INSERT INTO turns (conversation, number, person, who, text, at, interrupted) "
                "SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6 FROM turns WHERE conversation = ?1",
                (
                    conversation,
                    None if turn.person is None else str(turn.person),
                    turn.speaker,
                    turn.text,
                    at,
                    turn.interrupted,
                ),
            ),
            # What is written has no other end than its last words.
            ("UPDATE conversations SET ended = max(ended, ?2) WHERE id = ?1 AND ended IS NOT NULL", (conversation, at)),
            (
                f"UPDATE conversations SET people = json_insert({_PEOPLE}, '$[#]', ?2) "  # noqa: S608
                f"WHERE id = ?1 AND ?2 IS NOT NULL AND ?2 NOT IN (SELECT value FROM json_each({_PEOPLE}))",
                (conversation, who),
            ),
        )

    async def end(self, conversation: int, at: float) -> None:
        """It is over; one in which nothing is left is forgotten."""
        await self._database.write_together(
            ("UPDATE conversations SET ended = ? WHERE id = ?", (at, conversation)),
            (_FORGET_EMPTY, (conversation,)),
        )

    async def end_all(self) -> None:
        """End what a process that was killed has left open, with the last words that were said in it."""
        for (conversation,) in await self._database.rows("SELECT id FROM conversations WHERE ended IS NULL"):
            (at,) = await self._database.row(
                "SELECT coalesce((SELECT max(at) FROM turns WHERE conversation = id), started) "
                "FROM conversations WHERE id = ?",
                conversation,
            ) or (0.0,)
            await self.end(conversation, at)

    async def forget_channel(self, channel: int) -> int:
        """Forget what was said where this text channel belongs to; returns how many turns that were."""
        return await self._forget("SELECT id FROM conversations WHERE channel = ?", "?2 IS NOT NULL", str(channel))

    async def forget_person(self, person: int) -> int:
        """Forget what somebody has said, wherever that was; returns how many turns that were."""
        return await self._forget(
            "SELECT DISTINCT conversation FROM turns WHERE person = ?", "person = ?2", str(person)
        )

    async def forget_before(self, at: float) -> int:
        """Forget what was said before; returns how many turns that were."""
        # The oldest of one conversation come first in it; the plus keeps SQLite from looking at those of all others.
        return await self._forget("SELECT DISTINCT conversation FROM turns WHERE at < ?", "+at < ?2", at)

    async def _forget(self, conversations: str, condition: str, value: str | float) -> int:
        """Forget a few turns at a time, so that nobody who asks the database waits for all of them."""
        forgotten = 0
        for (conversation,) in await self._database.rows(conversations, value):
            deleted = AT_ONCE
            while deleted == AT_ONCE:
                deleted, *_ = await self._database.write_together(
                    (
                        "DELETE FROM turns WHERE rowid IN "  # noqa: S608
                        f"(SELECT rowid FROM turns WHERE conversation = ?1 AND {condition} LIMIT {AT_ONCE})",
                        (conversation, value),
                    ),
                    (_FORGET_WHO_LEFT, (conversation,)),
                    (_FORGET_EMPTY, (conversation,)),
                )
                forgotten += deleted
        return forgotten
