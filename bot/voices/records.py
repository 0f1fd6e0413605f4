"""Which voice each server chose, and who made which, in the database."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database import Records


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made a voice, and on which server (guild)."""

    person: int
    guild: int


class VoiceRecords(Records):
    """Voices are named by the speech server's ids; every method may raise :class:`aiosqlite.Error`."""

    async def choices(self) -> dict[int, str]:
        """The voice that each server (guild) chose."""
        return {int(guild): str(voice) for guild, voice in await self._database.rows("SELECT * FROM voice_choice")}

    async def choose(self, guild: int, voice: str | None) -> None:
        """Keep a choice; ``None``: nothing is chosen any more."""
        if voice is None:
            await self._database.write("DELETE FROM voice_choice WHERE guild = ?", guild)
        else:
            await self._database.write("INSERT OR REPLACE INTO voice_choice VALUES (?, ?)", guild, voice)

    async def maker(self, voice: str) -> Maker | None:
        """Who made a voice, where it was made by one of our commands."""
        row = await self._database.row("SELECT person, guild FROM voice_maker WHERE voice = ?", voice)
        return None if row is None else Maker(int(row[0]), int(row[1]))

    async def made(self, voice: str, maker: Maker) -> None:
        """Note who made a voice."""
        statement = "INSERT OR REPLACE INTO voice_maker VALUES (?, ?, ?)"
        await self._database.write(statement, voice, maker.person, maker.guild)

    async def deleted(self, voice: str) -> None:
        """Forget a voice, and every choice of it."""
        await self._database.write("DELETE FROM voice_maker WHERE voice = ?", voice)
        await self._database.write("DELETE FROM voice_choice WHERE voice = ?", voice)
