"""The model's memory of each channel: its last turns, in the database."""

from __future__ import annotations

from bot.database import Database
from bot.llm.history import History, Turn

_FORGET_OLDEST = """
DELETE FROM chat_memory WHERE channel = ?1 AND id NOT IN (
    SELECT id FROM chat_memory WHERE channel = ?1 ORDER BY id DESC LIMIT ?2
)
"""


class ChatMemory:
    """The history of each channel. All methods may raise :class:`aiosqlite.Error`.

    This memory is separate from the stored conversations. The stored conversations are deleted after
    ``KEEP_CONVERSATIONS``, and leave out people who opted out. This memory has the newest turns of everybody, and keeps
    them until ``!forget``.

    Args:
        kept: the largest number of turns of a channel that are stored. Older ones are deleted.
    """

    def __init__(self, database: Database, kept: int) -> None:
        self._database = database
        self._kept = kept

    async def history(self, channel: int, count: int) -> History:
        """The last ``count`` turns of a channel."""
        query = "SELECT role, speaker, text, interrupted FROM chat_memory WHERE channel = ? ORDER BY id DESC LIMIT ?"
        rows = await self._database.rows(query, channel, count)
        turns = [
            Turn(role, speaker, text, interrupted=bool(interrupted)) for role, speaker, text, interrupted in rows[::-1]
        ]
        return History(turns)

    async def remember(self, channel: int, asked: Turn, answered: Turn) -> None:
        """Store a question and its answer, both under the id of the person who asked."""
        person = None if asked.person is None else str(asked.person)
        rows = [(channel, turn.role, turn.speaker, turn.text, turn.interrupted, person) for turn in (asked, answered)]
        await self._database.write_many(
            "INSERT INTO chat_memory (channel, role, speaker, text, interrupted, person) VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
        await self._database.write(_FORGET_OLDEST, channel, self._kept)

    async def forget(self, channel: int) -> int:
        """Delete all turns of a channel. Returns their number."""
        return await self._database.write("DELETE FROM chat_memory WHERE channel = ?", channel)

    async def erase_traces(self) -> None:
        """Remove from the database's files what was deleted; see :meth:`bot.database.Database.erase_traces`."""
        await self._database.erase_traces()
