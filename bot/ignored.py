"""The people whom the bot ignores, for each server."""

from __future__ import annotations

from typing import Self

from bot.database import Database


class IgnoredPeople:
    """The ignored people of each server, stored in the database. Made by :meth:`load`.

    Args:
        pairs: pairs of a server's id and a user id.
    """

    def __init__(self, database: Database, pairs: set[tuple[int, int]]) -> None:
        self._database = database
        self._pairs = pairs

    @classmethod
    async def load(cls, database: Database) -> Self:
        """Read the ignored people from the database; raises :class:`aiosqlite.Error`."""
        rows = await database.rows("SELECT guild, person FROM ignored_person")
        return cls(database, {(int(guild), int(person)) for guild, person in rows})

    def include(self, guild: int, person: int) -> bool:
        """Whether a person is ignored on a server."""
        return (guild, person) in self._pairs

    def on(self, guild: int) -> list[int]:
        """The user ids of the people who are ignored on a server."""
        return sorted(person for where, person in self._pairs if where == guild)

    async def ignore(self, guild: int, person: int) -> None:
        """Ignore a person on a server; raises :class:`aiosqlite.Error`."""
        self._pairs.add((guild, person))
        await self._database.write("INSERT OR REPLACE INTO ignored_person VALUES (?, ?)", guild, person)

    async def unignore(self, guild: int, person: int) -> None:
        """Answer a person on a server again; raises :class:`aiosqlite.Error`."""
        self._pairs.discard((guild, person))
        await self._database.write("DELETE FROM ignored_person WHERE guild = ? AND person = ?", guild, person)
