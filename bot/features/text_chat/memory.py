"""What was written in each channel, as far back as a model may look; it survives restarts."""

from __future__ import annotations

from bot.database import Database
from bot.llm.messages import ChatMessage

MAX_CONTEXT_CHARS = 16_000
"""Of the newest messages the model sees no more than this, so that a few long ones do not fill its window."""

_FORGET_OLDEST = """
DELETE FROM chat_memory WHERE channel = ?1 AND id NOT IN (
    SELECT id FROM chat_memory WHERE channel = ?1 ORDER BY id DESC LIMIT ?2
)
"""


class ChatMemory:
    """The last messages of each channel, the oldest forgotten first. Methods may raise :class:`aiosqlite.Error`.

    Args:
        kept: how many messages of a channel are kept.
    """

    def __init__(self, database: Database, kept: int) -> None:
        self._database = database
        self._kept = kept

    async def newest(self, channel: int, count: int) -> list[ChatMessage]:
        """The last ``count`` messages, oldest first."""
        query = "SELECT role, content FROM chat_memory WHERE channel = ? ORDER BY id DESC LIMIT ?"
        messages = []
        room = MAX_CONTEXT_CHARS
        for role, content in await self._database.rows(query, channel, count):
            room -= len(content)
            if room < 0:
                break
            messages.append(ChatMessage(role, content))
        return messages[::-1]

    async def remember(self, channel: int, asked: str, answered: str) -> None:
        """Keep a question, as the model read it, and its answer."""
        rows = [(channel, "user", asked), (channel, "assistant", answered)]
        await self._database.write_many("INSERT INTO chat_memory (channel, role, content) VALUES (?, ?, ?)", rows)
        await self._database.write(_FORGET_OLDEST, channel, self._kept)

    async def forget(self, channel: int) -> int:
        """Forget all of it; returns how many messages that were."""
        return await self._database.write("DELETE FROM chat_memory WHERE channel = ?", channel)
