"""Database records of autonomous talk: the channels that have opted in, and the state of each."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database import Records


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """A channel that has opted in. Times are in seconds since 1970.

    Attributes:
        heard_at: time of the last message of a person; 0 if nobody has written since the channel opted in.
        due_at: earliest time of the next post.
        answered: whether a person has written since the last post; True if there was no post.
    """

    channel: int
    heard_at: float
    due_at: float
    answered: bool


class ChannelRecords(Records):
    """Reads and writes the database table. All methods may raise :class:`aiosqlite.Error`."""

    async def all(self) -> list[ChannelRecord]:
        """All channels that have opted in."""
        rows = await self._database.rows("SELECT channel, heard_at, due_at, answered FROM autonomous_channel")
        return [ChannelRecord(int(id_), float(heard), float(due), bool(answered)) for id_, heard, due, answered in rows]

    async def opted_in(self, channel: int) -> bool:
        """Whether a channel has opted in."""
        row = await self._database.row("SELECT 1 FROM autonomous_channel WHERE channel = ?", channel)
        return row is not None

    async def opt_in(self, channel: int, due_at: float) -> None:
        """Store a channel. Does nothing if the channel has opted in already."""
        await self._database.write(
            "INSERT OR IGNORE INTO autonomous_channel (channel, due_at) VALUES (?, ?)", channel, due_at
        )

    async def opt_out(self, channel: int) -> None:
        """Delete a channel."""
        await self._database.write("DELETE FROM autonomous_channel WHERE channel = ?", channel)

    async def note_message(self, channel: int, at: float) -> bool:
        """Record a person's message. Returns whether the channel has opted in."""
        statement = "UPDATE autonomous_channel SET heard_at = ?, answered = 1 WHERE channel = ?"
        return await self._database.write(statement, at, channel) > 0

    async def note_post(self, channel: int, due_at: float) -> None:
        """Record a post. The next post is made after ``due_at``, and only if a person has written in between."""
        statement = "UPDATE autonomous_channel SET answered = 0, due_at = ? WHERE channel = ?"
        await self._database.write(statement, due_at, channel)

    async def postpone(self, channel: int, due_at: float) -> None:
        """Make no post before ``due_at``."""
        await self._database.write("UPDATE autonomous_channel SET due_at = ? WHERE channel = ?", due_at, channel)
