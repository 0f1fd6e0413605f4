"""Open channels: channels in which every message is answered, without a mention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, Self

from bot.database import Database


class NamedChannel(Protocol):
    """A channel of a server."""

    id: int
    name: str


class OpenChannels:
    """The open channels. Made by :meth:`open`.

    Args:
        named: names or ids of the channels that the operator opened.
        switched: people's choice for a channel, by channel id. It has priority over ``named``.
    """

    def __init__(self, database: Database, named: tuple[str, ...], switched: Mapping[int, bool]) -> None:
        self._database = database
        self._named = {word.removeprefix("#").casefold() for word in named}
        self._switched = dict(switched)

    @classmethod
    async def open(cls, database: Database, named: tuple[str, ...]) -> Self:
        """Read people's choices from the database; raises :class:`aiosqlite.Error`."""
        rows = await database.rows("SELECT channel, open FROM chat_channel")
        return cls(database, named, {int(channel): bool(is_open) for channel, is_open in rows})

    def __contains__(self, channel: NamedChannel) -> bool:
        by_name = not self._named.isdisjoint({str(channel.id), channel.name.casefold()})
        return self._switched.get(channel.id, by_name)

    async def switch(self, channel: int, *, to_open: bool) -> None:
        """Open or close a channel and store this choice; raises :class:`aiosqlite.Error`."""
        await self._database.write("INSERT OR REPLACE INTO chat_channel VALUES (?, ?)", channel, to_open)
        self._switched[channel] = to_open
