"""What must survive a restart, in one SQLite file: settings made in chat, and the call that is on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiosqlite

_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS call (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    guild INTEGER NOT NULL, voice_channel INTEGER NOT NULL, prompt_channel INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS listening_choice (person INTEGER PRIMARY KEY, listen INTEGER NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Where a call is on: Discord ids."""

    guild: int
    voice_channel: int
    prompt_channel: int


class Store:
    """The database; every method may raise :class:`aiosqlite.Error`. Made by :meth:`open`."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._db = connection

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open or make the database at ``path``; its folder is made too."""
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = await aiosqlite.connect(path)
        await connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _SCHEMA)
        return cls(connection)

    async def close(self) -> None:
        """Close the database."""
        await self._db.close()

    async def setting(self, name: str) -> str | None:
        """Read a setting made in chat."""
        async with self._db.execute("SELECT value FROM setting WHERE name = ?", (name,)) as rows:
            row = await rows.fetchone()
        return None if row is None else str(row[0])

    async def set_setting(self, name: str, value: str) -> None:
        """Keep a setting made in chat."""
        await self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))
        await self._db.commit()

    async def begin_call(self, call: CallRecord) -> None:
        """Note that a call is on, so that a start after a crash can say that it was lost."""
        await self._db.execute(
            "INSERT OR REPLACE INTO call VALUES (1, ?, ?, ?)", (call.guild, call.voice_channel, call.prompt_channel)
        )
        await self._db.commit()

    async def end_call(self) -> None:
        """Note that no call is on."""
        await self._db.execute("DELETE FROM call")
        await self._db.commit()

    async def unfinished_call(self) -> CallRecord | None:
        """The call that was on when the last process died, if it died in one."""
        async with self._db.execute("SELECT guild, voice_channel, prompt_channel FROM call") as rows:
            row = await rows.fetchone()
        return None if row is None else CallRecord(int(row[0]), int(row[1]), int(row[2]))

    async def listening_choices(self) -> dict[int, bool]:
        """What people have said about being listened to, by user id."""
        async with self._db.execute("SELECT person, listen FROM listening_choice") as rows:
            return {int(person): bool(listen) async for person, listen in rows}

    async def set_listening_choice(self, person: int, listen: bool) -> None:
        """Keep what somebody has said about being listened to; of two calls the later one holds."""
        await self._db.execute("INSERT OR REPLACE INTO listening_choice VALUES (?, ?)", (person, listen))
        await self._db.commit()
