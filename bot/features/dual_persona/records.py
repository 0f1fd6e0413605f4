"""Database records of dual persona: tension and cooldown of each channel, and whether each server allows arguments."""

from __future__ import annotations

from bot.database import Records
from bot.features.dual_persona.tension import decayed


class ArgumentRecords(Records):
    """Reads and writes the database tables. Times are in seconds since 1970.

    All methods may raise :class:`aiosqlite.Error`.
    """

    async def score(self, channel: int, now: float) -> float:
        """The tension of a channel now."""
        row = await self._database.row("SELECT score, scored_at FROM dual_persona_channel WHERE channel = ?", channel)
        return 0.0 if row is None else decayed(row[0], now - row[1])

    async def set_score(self, channel: int, score: float, now: float) -> None:
        """Store the tension of a channel."""
        await self._database.write(
            "INSERT INTO dual_persona_channel (channel, score, scored_at) VALUES (?, ?, ?)"
            " ON CONFLICT (channel) DO UPDATE SET score = excluded.score, scored_at = excluded.scored_at",
            channel,
            score,
            now,
        )

    async def cooldown_until(self, channel: int) -> float:
        """The time until which no argument begins without a command; 0 if there was no argument."""
        row = await self._database.row("SELECT peace_until FROM dual_persona_channel WHERE channel = ?", channel)
        return 0.0 if row is None else float(row[0])

    async def start_cooldown(self, channel: int, now: float, until: float) -> None:
        """Let no argument begin without a command before ``until``, and set the tension to 0."""
        await self._database.write(
            "INSERT OR REPLACE INTO dual_persona_channel VALUES (?, 0, ?, ?)", channel, now, until
        )

    async def enabled(self, guild: int) -> bool:
        """Whether arguments may begin without a command on a server. They may unless somebody forbade it."""
        row = await self._database.row("SELECT enabled FROM dual_persona_server WHERE guild = ?", guild)
        return row is None or bool(row[0])

    async def set_enabled(self, guild: int, enabled: bool) -> None:
        """Allow or forbid arguments that begin without a command on a server."""
        await self._database.write("INSERT OR REPLACE INTO dual_persona_server VALUES (?, ?)", guild, enabled)
