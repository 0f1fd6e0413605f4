"""Database records of waiting messages: those that could not be answered at once, mostly because of a call."""

from __future__ import annotations

from dataclasses import dataclass

from bot.database import Records, Row

MAX_WAITING = 100
"""Maximum number of waiting messages. If there are more, the oldest are dropped."""

_COLUMNS = "message, channel, author, at, name, text, seen, begun_after"
_DROP_OLDEST = """
UPDATE chat_waiting SET dropped = 1 WHERE message IN (
    SELECT message FROM chat_waiting WHERE NOT dropped AND begun_after IS NULL
    ORDER BY message DESC LIMIT -1 OFFSET ?
)
"""


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A waiting message. Its ids are Discord's.

    ``at`` is the time at which the message was written, in seconds since 1970. ``seen`` describes its pictures.
    ``begun_after`` is the id of the channel's newest message just before the answer is posted, so the answer has a
    greater id; ``None`` until then.
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
    """The queue of waiting messages, oldest first. All methods may raise :class:`aiosqlite.Error`."""

    async def add(self, entry: WaitingMessage) -> bool:
        """Add a message, unless it is in the queue already. Returns whether a message was dropped to make room."""
        await self._database.write(
            f"INSERT OR IGNORE INTO chat_waiting ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",  # noqa: S608
            entry.message, entry.channel, entry.author, entry.at, entry.name, entry.text, entry.seen,
        )  # fmt: skip
        return await self._database.write(_DROP_OLDEST, MAX_WAITING) > 0

    async def first(self) -> WaitingMessage | None:
        """The message to be answered next."""
        return await self._oldest("NOT dropped")

    async def first_dropped(self) -> WaitingMessage | None:
        """The oldest dropped message whose author was not notified yet."""
        return await self._oldest("dropped")

    async def any_in(self, channel: int) -> bool:
        """Whether any message of this channel waits."""
        return await self._oldest("NOT dropped AND channel = ?", channel) is not None

    async def count(self) -> int:
        """The number of messages in the queue."""
        row = await self._database.row("SELECT count(*) FROM chat_waiting WHERE NOT dropped")
        return 0 if row is None else int(row[0])

    async def begin(self, message: int, after: int) -> None:
        """Record that the answer may be posted from now on. ``after`` is the id of the channel's newest message."""
        await self._database.write("UPDATE chat_waiting SET begun_after = ? WHERE message = ?", after, message)

    async def remove(self, message: int) -> None:
        """Remove a message from the queue."""
        await self._database.write("DELETE FROM chat_waiting WHERE message = ?", message)

    async def _oldest(self, condition: str, *values: object) -> WaitingMessage | None:
        query = f"SELECT {_COLUMNS} FROM chat_waiting WHERE {condition} ORDER BY message LIMIT 1"  # noqa: S608
        row: Row | None = await self._database.row(query, *values)
        return None if row is None else WaitingMessage(*row)
