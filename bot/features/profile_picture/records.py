"""Database records of the profile picture: the last changes, and the time until which Discord allows no change."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database import Records

_KEPT = 20
"""Number of changes that are stored. Older ones are deleted."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the picture to ``file``; ``at`` is in seconds since 1970."""

    file: str
    at: float


class PictureRecords(Records):
    """The database tables. All methods may raise :class:`aiosqlite.Error`."""

    async def newest(self, count: int) -> tuple[Change, ...]:
        """The last ``count`` changes, newest first."""
        query = "SELECT file, changed_at FROM profile_picture_change ORDER BY id DESC LIMIT ?"
        return tuple(Change(str(file), float(at)) for file, at in await self._database.rows(query, count))

    async def note(self, change: Change) -> int:
        """Store a change. Returns its number for :meth:`delete`."""
        statement = "INSERT INTO profile_picture_change (file, changed_at) VALUES (?, ?)"
        number = await self._database.insert(statement, change.file, change.at)
        await self._database.write("DELETE FROM profile_picture_change WHERE id <= ?", number - _KEPT)
        return number

    async def delete(self, number: int) -> None:
        """Delete a change that was stored but could not be made."""
        await self._database.write("DELETE FROM profile_picture_change WHERE id = ?", number)

    async def refused_until(self) -> float:
        """The time (seconds since 1970) until which no change may be tried; 0 if Discord never refused one."""
        row = await self._database.row("SELECT until FROM profile_picture_refusal")
        return 0.0 if row is None else float(row[0])

    async def note_refusal(self, until: float) -> None:
        """Store the time (seconds since 1970) until which no change may be tried, because Discord refused one."""
        await self._database.write("INSERT OR REPLACE INTO profile_picture_refusal VALUES (1, ?)", until)
