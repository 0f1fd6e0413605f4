"""What was written in each channel, as far back as a model may look; it survives restarts."""

from __future__ import annotations

from bot.database import Database
from bot.llm.history import History, Turn

_FORGET_OLDEST = """
DELETE FROM chat_memory WHERE channel = ?1 AND id NOT IN (
    SELECT id FROM chat_memory WHERE channel = ?1 ORDER BY id DESC LIMIT ?2
)
"""


class ChatMemory:
    """Where the history of each channel is between two answers. Methods may raise :class:`aiosqlite.Error`.

    It is a table of its own, and not read from the conversations that are kept: those end with ``KEEP_CONVERSATIONS``
    and leave out who opted out of them, while the chat answers everybody, and knows the newest until ``!forget``.

    Args:
        kept: how many turns of a channel are kept, the newest.
    """

    def __init__(self, database: Database, kept: int) -> None:
        self._database = database
        self._kept = kept

    async def history(self, channel: int, count: int) -> History:
        """The last ``count`` turns."""
        query = "SELECT role, speaker, text, interrupted FROM chat_memory WHERE channel = ? ORDER BY id DESC LIMIT ?"
        rows = await self._database.rows(query, channel, count)
        turns = [
            Turn(role, speaker, text, interrupted=bool(interrupted)) for role, speaker, text, interrupted in rows[::-1]
        ]
        return History(turns)

    async def remember(self, channel: int, asked: Turn, answered: Turn) -> None:
        """Keep a question and its answer."""
        rows = [(channel, turn.role, turn.speaker, turn.text, turn.interrupted) for turn in (asked, answered)]
        await self._database.write_many(
            "INSERT INTO chat_memory (channel, role, speaker, text, interrupted) VALUES (?, ?, ?, ?, ?)", rows
        )
        await self._database.write(_FORGET_OLDEST, channel, self._kept)

    async def forget(self, channel: int) -> int:
        """Forget all of it; returns how many turns that were."""
        return await self._database.write("DELETE FROM chat_memory WHERE channel = ?", channel)
