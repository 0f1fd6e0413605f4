"""The tables of conversations."""

from __future__ import annotations

from bot.conversations.place import CHAT, Place
from bot.database import Records
from bot.llm.history import Turn

_NOBODY_SPOKE = "NOT EXISTS (SELECT 1 FROM turns WHERE conversation = conversations.id)"


class ConversationRecords(Records):
    """Methods may raise :class:`aiosqlite.Error`. Times in seconds since 1970."""

    async def begin(self, place: Place, at: float) -> int:
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

    async def lately(self, place: Place, since: float) -> int | None:
        """The id of the conversation that was going on there, if anything was said in it after ``since``."""
        row = await self._database.row(
            "SELECT id FROM conversations WHERE channel = ? AND transport = ? AND ended >= ? ORDER BY id DESC LIMIT 1",
            str(place.channel),
            place.transport,
            since,
        )
        return None if row is None else int(row[0])

    async def add(self, conversation: int, turn: Turn, at: float) -> None:
        """Somebody said something in it."""
        await self._database.write(
            "INSERT INTO turns (conversation, number, person, who, text, at, interrupted) "
            "SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6 FROM turns WHERE conversation = ?1",
            conversation,
            None if turn.person is None else str(turn.person),
            turn.speaker,
            turn.text,
            at,
            turn.interrupted,
        )

    async def end(self, conversation: int, at: float) -> None:
        """It is over; one in which nothing is left is forgotten."""
        await self._database.write("UPDATE conversations SET ended = ? WHERE id = ?", at, conversation)
        await self._forget_empty()

    async def end_all(self) -> None:
        """End what a process that was killed has left open, with the last words that were said in it."""
        await self._database.write(
            "UPDATE conversations SET ended = coalesce((SELECT max(at) FROM turns WHERE conversation = id), started) "
            "WHERE ended IS NULL"
        )
        await self._forget_empty()

    async def forget_channel(self, channel: int) -> int:
        """Forget what was said where this text channel belongs to; returns how many turns that were."""
        return await self._forget("conversation IN (SELECT id FROM conversations WHERE channel = ?)", str(channel))

    async def forget_person(self, person: int) -> int:
        """Forget what somebody has said, wherever that was; returns how many turns that were."""
        return await self._forget("person = ?", str(person))

    async def forget_before(self, at: float) -> int:
        """Forget what was said before; returns how many turns that were."""
        return await self._forget("at < ?", at)

    async def _forget(self, condition: str, value: str | float) -> int:
        forgotten = await self._database.write(f"DELETE FROM turns WHERE {condition}", value)  # noqa: S608
        await self._forget_empty()
        return forgotten

    async def _forget_empty(self) -> None:
        # A call that is on may go on.
        await self._database.write(f"DELETE FROM conversations WHERE ended IS NOT NULL AND {_NOBODY_SPOKE}")  # noqa: S608
