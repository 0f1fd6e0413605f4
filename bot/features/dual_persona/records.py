"""What must survive a restart: how heated each channel is, until when it has peace, and where arguments are off."""

from __future__ import annotations

from bot.database import Records
from bot.features.dual_persona.heat import cooled


class ArgumentRecords(Records):
    """The tables; times in seconds since 1970. Methods may raise :class:`aiosqlite.Error`."""

    async def score(self, channel: int, now: float) -> float:
        """How heated a channel is."""
        row = await self._database.row("SELECT score, scored_at FROM dual_persona_channel WHERE channel = ?", channel)
        return 0.0 if row is None else cooled(row[0], now - row[1])

    async def set_score(self, channel: int, score: float, now: float) -> None:
        """Note how heated it is."""
        await self._database.write(
            "INSERT INTO dual_persona_channel (channel, score, scored_at) VALUES (?, ?, ?)"
            " ON CONFLICT (channel) DO UPDATE SET score = excluded.score, scored_at = excluded.scored_at",
            channel,
            score,
            now,
        )

    async def peace_until(self, channel: int) -> float:
        """Until when nothing begins there by itself; 0 where nothing was said about it."""
        row = await self._database.row("SELECT peace_until FROM dual_persona_channel WHERE channel = ?", channel)
        return 0.0 if row is None else float(row[0])

    async def grant_peace(self, channel: int, now: float, until: float) -> None:
        """Let nothing begin there by itself until then; the score begins anew."""
        await self._database.write(
            "INSERT OR REPLACE INTO dual_persona_channel VALUES (?, 0, ?, ?)", channel, now, until
        )

    async def enabled(self, guild: int) -> bool:
        """Whether arguments begin by themselves on this server: yes, unless it was switched off."""
        row = await self._database.row("SELECT enabled FROM dual_persona_server WHERE guild = ?", guild)
        return row is None or bool(row[0])

    async def set_enabled(self, guild: int, enabled: bool) -> None:
        """Switch that."""
        await self._database.write("INSERT OR REPLACE INTO dual_persona_server VALUES (?, ?)", guild, enabled)
