"""Database records of the bot itself: settings made by commands, listening choices, and the calls that are on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bot.database import Database, Records


@dataclass(frozen=True, slots=True)
class CallRecord:
    """The place of a call. The numbers are Discord ids."""

    guild: int
    voice_channel: int
    prompt_channel: int


class Store(Records):
    """Reads and writes these records. All methods may raise :class:`aiosqlite.Error`."""

    @classmethod
    @asynccontextmanager
    async def opened(cls, path: Path) -> AsyncIterator[Self]:
        """Open the database for these tables only, and close it on leaving."""
        async with Database.opened(path) as database:
            yield cls(database)

    async def setting(self, name: str) -> str | None:
        """A setting that a command has stored; ``None`` if there is none."""
        row = await self._database.row("SELECT value FROM setting WHERE name = ?", name)
        return None if row is None else str(row[0])

    async def set_setting(self, name: str, value: str) -> None:
        """Store a setting made by a command."""
        await self._database.write("INSERT OR REPLACE INTO setting VALUES (?, ?)", name, value)

    async def begin_call(self, call: CallRecord) -> None:
        """Record that a call is on. If the bot crashes, its next start can say that the call was lost."""
        statement = "INSERT OR REPLACE INTO call VALUES (?, ?, ?)"
        await self._database.write(statement, call.guild, call.voice_channel, call.prompt_channel)

    async def end_call(self, guild: int) -> None:
        """Record that no call is on in a server."""
        await self._database.write("DELETE FROM call WHERE guild = ?", guild)

    async def end_calls(self) -> None:
        """Record that no call is on."""
        await self._database.write("DELETE FROM call")

    async def unfinished_calls(self) -> list[CallRecord]:
        """The calls that were on when the last process crashed."""
        rows = await self._database.rows("SELECT guild, voice_channel, prompt_channel FROM call")
        return [CallRecord(int(guild), int(voice), int(prompts)) for guild, voice, prompts in rows]

    async def listening_choices(self) -> dict[int, bool]:
        """Whether people may be listened to, by user id, for all people who have chosen."""
        rows = await self._database.rows("SELECT person, listen FROM listening_choice")
        return {int(person): bool(listen) for person, listen in rows}

    async def set_listening_choice(self, person: int, listen: bool) -> None:
        """Store whether a person may be listened to. A later choice replaces an earlier one."""
        await self._database.write("INSERT OR REPLACE INTO listening_choice VALUES (?, ?)", person, listen)

    async def delete_listening_choice(self, person: int) -> None:
        """Delete a person's choice about listening."""
        await self._database.write("DELETE FROM listening_choice WHERE person = ?", person)
