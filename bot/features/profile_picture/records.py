"""What must survive a restart: which pictures were shown when, and how long Discord wants no other."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database import Records

_KEPT = 20


@dataclass(frozen=True, slots=True)
class Change:
    """A picture that was put up; ``at`` in seconds since 1970."""

    file: str
    at: float


class PictureRecords(Records):
    """The tables. Methods may raise :class:`aiosqlite.Error`."""

    async def newest(self, count: int) -> tuple[Change, ...]:
        """The last changes, newest first."""
        query = "SELECT file, changed_at FROM profile_picture_change ORDER BY id DESC LIMIT ?"
        return tuple(Change(str(file), float(at)) for file, at in await self._database.rows(query, count))

    async def note(self, change: Change) -> int:
        """Keep a change; returns its number for :meth:`withdraw`."""
        statement = "INSERT INTO profile_picture_change (file, changed_at) VALUES (?, ?)"
        number = await self._database.insert(statement, change.file, change.at)
        await self._database.write("DELETE FROM profile_picture_change WHERE id <= ?", number - _KEPT)
        return number

    async def withdraw(self, number: int) -> None:
        """It did not come to that change."""
        await self._database.write("DELETE FROM profile_picture_change WHERE id = ?", number)

    async def refused_until(self) -> float:
        """Until when Discord is not to be asked; 0 when it never refused."""
        row = await self._database.row("SELECT until FROM profile_picture_refusal")
        return 0.0 if row is None else float(row[0])

    async def note_refusal(self, until: float) -> None:
        """Discord has refused a change; it is not to be asked until then."""
        await self._database.write("INSERT OR REPLACE INTO profile_picture_refusal VALUES (1, ?)", until)
