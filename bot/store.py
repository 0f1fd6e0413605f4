"""What the bot itself must remember over a restart: settings made in chat, and the call that is on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bot.database import Database, Records


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Where a call is on: Discord ids."""

    guild: int
    voice_channel: int
    prompt_channel: int


class Store(Records):
    """The bot's own tables; every method may raise :class:`aiosqlite.Error`."""

    @classmethod
    @asynccontextmanager
    async def opened(cls, path: Path) -> AsyncIterator[Self]:
        """Open the database of which nothing else is wanted, and close it on leaving."""
        async with Database.opened(path) as database:
            yield cls(database)

    async def setting(self, name: str) -> str | None:
        """Read a setting made in chat."""
        row = await self._database.row("SELECT value FROM setting WHERE name = ?", name)
        return None if row is None else str(row[0])

    async def set_setting(self, name: str, value: str) -> None:
        """Keep a setting made in chat."""
        await self._database.write("INSERT OR REPLACE INTO setting VALUES (?, ?)", name, value)

    async def begin_call(self, call: CallRecord) -> None:
        """Note that a call is on, so that a start after a crash can say that it was lost."""
        statement = "INSERT OR REPLACE INTO call VALUES (1, ?, ?, ?)"
        await self._database.write(statement, call.guild, call.voice_channel, call.prompt_channel)

    async def end_call(self) -> None:
        """Note that no call is on."""
        await self._database.write("DELETE FROM call")

    async def unfinished_call(self) -> CallRecord | None:
        """The call that was on when the last process died, if it died in one."""
        row = await self._database.row("SELECT guild, voice_channel, prompt_channel FROM call")
        return None if row is None else CallRecord(int(row[0]), int(row[1]), int(row[2]))

    async def listening_choices(self) -> dict[int, bool]:
        """What people have said about being listened to, by user id."""
        rows = await self._database.rows("SELECT person, listen FROM listening_choice")
        return {int(person): bool(listen) for person, listen in rows}

    async def set_listening_choice(self, person: int, listen: bool) -> None:
        """Keep what somebody has said about being listened to; of two calls the later one holds."""
        await self._database.write("INSERT OR REPLACE INTO listening_choice VALUES (?, ?)", person, listen)
