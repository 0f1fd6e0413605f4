"""Whom the bot answers in a call: everybody who may talk with it, but those whom their server has it ignore."""

from __future__ import annotations

from typing import Self

from bot.access import Permit
from bot.database import Database
from bot.voice.discord.link import VoiceChannel


class IgnoredPeople:
    """Who is ignored on which server, remembered. Made by :meth:`load`.

    Args:
        pairs: servers and people (ids).
    """

    def __init__(self, database: Database, pairs: set[tuple[int, int]]) -> None:
        self._database = database
        self._pairs = pairs

    @classmethod
    async def load(cls, database: Database) -> Self:
        """Read who is ignored; raises :class:`aiosqlite.Error`."""
        rows = await database.rows("SELECT guild, person FROM ignored_person")
        return cls(database, {(int(guild), int(person)) for guild, person in rows})

    def include(self, guild: int, person: int) -> bool:
        """Whether this server has the bot ignore this person."""
        return (guild, person) in self._pairs

    def on(self, guild: int) -> list[int]:
        """Who is ignored on this server, by user id."""
        return sorted(person for where, person in self._pairs if where == guild)

    async def ignore(self, guild: int, person: int) -> None:
        """Answer this person no more; raises :class:`aiosqlite.Error`."""
        self._pairs.add((guild, person))
        await self._database.write("INSERT OR REPLACE INTO ignored_person VALUES (?, ?)", guild, person)

    async def unignore(self, guild: int, person: int) -> None:
        """Answer this person again; raises :class:`aiosqlite.Error`."""
        self._pairs.discard((guild, person))
        await self._database.write("DELETE FROM ignored_person WHERE guild = ? AND person = ?", guild, person)


class Audience:
    """Decides who is answered in a call, spoken or typed."""

    def __init__(self, permit: Permit, ignored: IgnoredPeople) -> None:
        self._permit = permit
        self._ignored = ignored

    def admits(self, channel: VoiceChannel, person: int) -> bool:
        """Whether somebody (a user id) is answered in a call in this channel."""
        if self._ignored.include(channel.guild.id, person):
            return False
        member = channel.guild.get_member(person)
        if member is None:
            return self._permit.everyone
        in_call = member.voice is not None and member.voice.channel == channel
        return self._permit.allows(member, in_call=in_call)
