"""What must survive a restart: which channels want remarks, when somebody spoke there, and whether one was answered."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database import Records


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """A channel that has opted in; times in seconds since 1970.

    Attributes:
        heard_at: when a person last wrote there; 0 for never.
        due_at: before this nothing is said.
        answered: whether a person wrote after the last remark, or there was none.
    """

    channel: int
    heard_at: float
    due_at: float
    answered: bool


class ChannelRecords(Records):
    """The table. Methods may raise :class:`aiosqlite.Error`."""

    async def all(self) -> list[ChannelRecord]:
        """Every channel that has opted in."""
        rows = await self._database.rows("SELECT channel, heard_at, due_at, answered FROM autonomous_channel")
        return [ChannelRecord(int(id_), float(heard), float(due), bool(answered)) for id_, heard, due, answered in rows]

    async def opted_in(self, channel: int) -> bool:
        """Whether remarks are wanted there."""
        row = await self._database.row("SELECT 1 FROM autonomous_channel WHERE channel = ?", channel)
        return row is not None

    async def opt_in(self, channel: int, due_at: float) -> None:
        """They are wanted there; nothing changes where they were."""
        await self._database.write(
            "INSERT OR IGNORE INTO autonomous_channel (channel, due_at) VALUES (?, ?)", channel, due_at
        )

    async def opt_out(self, channel: int) -> None:
        """They are not wanted there any more."""
        await self._database.write("DELETE FROM autonomous_channel WHERE channel = ?", channel)

    async def note_message(self, channel: int, at: float) -> bool:
        """A person wrote there; returns whether the channel has opted in."""
        statement = "UPDATE autonomous_channel SET heard_at = ?, answered = 1 WHERE channel = ?"
        return await self._database.write(statement, at, channel) > 0

    async def note_remark(self, channel: int, due_at: float) -> None:
        """Something is about to be said there, and nothing more until somebody answers, nor before ``due_at``."""
        statement = "UPDATE autonomous_channel SET answered = 0, due_at = ? WHERE channel = ?"
        await self._database.write(statement, due_at, channel)

    async def put_off(self, channel: int, due_at: float) -> None:
        """Nothing was said there; nothing is before ``due_at``."""
        await self._database.write("UPDATE autonomous_channel SET due_at = ? WHERE channel = ?", due_at, channel)
