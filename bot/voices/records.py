"""Database records of voices: the voice and manner chosen for each place, and the maker of each cloned voice."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from bot.database import Records
from wire.fields import Fields, WireError
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Maker:
    """The person who made a voice, and the server (guild) where the person made it."""

    person: int
    guild: int


class VoiceRecords(Records):
    """The database tables. Voices are given by their ids on the speech server. All methods may raise
    :class:`aiosqlite.Error`.

    The browser and the telephone count as servers too; see :mod:`bot.voices.places`.
    """

    async def choices(self) -> dict[int, str]:
        """The chosen voice of each server (guild)."""
        return {int(guild): str(voice) for guild, voice in await self._database.rows("SELECT * FROM voice_choice")}

    async def choose(self, guild: int, voice: str | None) -> None:
        """Store the choice of a server (guild); ``None`` deletes it."""
        if voice is None:
            await self._database.write("DELETE FROM voice_choice WHERE guild = ?", guild)
        else:
            await self._database.write("INSERT OR REPLACE INTO voice_choice VALUES (?, ?)", guild, voice)

    async def manners(self) -> dict[int, SpeechParameters]:
        """The chosen manner of each server (guild). Manners that can't be read are logged and left out."""
        manners = {}
        for guild, stored in await self._database.rows("SELECT * FROM voice_manner"):
            try:
                manners[int(guild)] = SpeechParameters.read(Fields.parse(stored, "bad_parameter"))
            except WireError as error:
                _log.warning("The manner of speaking on the server %s can't be read: %s", guild, error)
        return manners

    async def choose_manner(self, guild: int, manner: SpeechParameters) -> None:
        """Store the manner of a server (guild). A manner without any choice deletes the stored one."""
        if fields := manner.write():
            await self._database.write(
                "INSERT OR REPLACE INTO voice_manner VALUES (?, ?)", guild, json.dumps(fields, sort_keys=True)
            )
        else:
            await self._database.write("DELETE FROM voice_manner WHERE guild = ?", guild)

    async def maker(self, voice: str) -> Maker | None:
        """The maker of a voice; ``None`` if it was not made by a command of the bot."""
        row = await self._database.row("SELECT person, guild FROM voice_maker WHERE voice = ?", voice)
        return None if row is None else Maker(int(row[0]), int(row[1]))

    async def made_by(self, person: int) -> list[str]:
        """The voices that a person has made."""
        rows = await self._database.rows("SELECT voice FROM voice_maker WHERE person = ? ORDER BY voice", person)
        return [str(voice) for (voice,) in rows]

    async def store_maker(self, voice: str, maker: Maker) -> None:
        """Store the maker of a voice."""
        statement = "INSERT OR REPLACE INTO voice_maker VALUES (?, ?, ?)"
        await self._database.write(statement, voice, maker.person, maker.guild)

    async def delete(self, voice: str) -> None:
        """Delete a voice and all choices of it."""
        await self._database.write("DELETE FROM voice_maker WHERE voice = ?", voice)
        await self._database.write("DELETE FROM voice_choice WHERE voice = ?", voice)
