"""Messages that came during a call and wait to be answered: kept in SQLite until their answer has been sent."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database import Records, Row

MAX_WAITING = 100

_COLUMNS = "message, channel, author, at, name, text, seen, begun_after"
_DROP_OLDEST = """
UPDATE chat_waiting SET dropped = 1 WHERE message IN (
    SELECT message FROM chat_waiting WHERE NOT dropped AND begun_after IS NULL
    ORDER BY message DESC LIMIT -1 OFFSET ?
)
"""


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A message that waits: Discord ids, when it was written (Unix seconds), and what it says.

    ``begun_after`` is set once its answer may have been sent, which then came after this message of the channel.
    """

    message: int
    channel: int
    author: int
    at: float
    name: str
    text: str
    seen: str | None = None
    begun_after: int | None = None


class WaitingMessages(Records):
    """The queue, in the order of writing. Methods may raise :class:`aiosqlite.Error`."""

    async def add(self, it: WaitingMessage) -> bool:
        """Keep a message, once. Returns whether it was one too many, so that the oldest is dropped."""
        await self._database.write(
            f"INSERT OR IGNORE INTO chat_waiting ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",  # noqa: S608
            it.message, it.channel, it.author, it.at, it.name, it.text, it.seen,
        )  # fmt: skip
        return await self._database.write(_DROP_OLDEST, MAX_WAITING) > 0

    async def first(self) -> WaitingMessage | None:
        """The one to be answered next."""
        return await self._oldest("NOT dropped")

    async def first_dropped(self) -> WaitingMessage | None:
        """The oldest whose author has not been told yet that it was dropped."""
        return await self._oldest("dropped")

    async def any_in(self, channel: int) -> bool:
        """Whether something of this channel waits."""
        return await self._oldest("NOT dropped AND channel = ?", channel) is not None

    async def begin(self, message: int, after: int) -> None:
        """Note that its answer may be sent from now on, ``after`` which message of the channel."""
        await self._database.write("UPDATE chat_waiting SET begun_after = ? WHERE message = ?", after, message)

    async def remove(self, message: int) -> None:
        """It waits no more."""
        await self._database.write("DELETE FROM chat_waiting WHERE message = ?", message)

    async def _oldest(self, condition: str, *values: object) -> WaitingMessage | None:
        query = f"SELECT {_COLUMNS} FROM chat_waiting WHERE {condition} ORDER BY message LIMIT 1"  # noqa: S608
        row: Row | None = await self._database.row(query, *values)
        return None if row is None else WaitingMessage(*row)
