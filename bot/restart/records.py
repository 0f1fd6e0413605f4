"""Database table of the prompts that nobody has answered before a restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.database import Records


@dataclass(frozen=True, slots=True)
class UnansweredPrompt:
    """A prompt of a call that is still to be answered.

    Attributes:
        channel: id of the call's text channel.
        message: id of the message there; ``None`` if the prompt was spoken.
        person: user id of who asked.
        recited: whether the text itself was to be read aloud.
    """

    channel: int
    message: int | None
    person: int
    name: str
    text: str
    recited: bool = False


class RestartRecords(Records):
    """Reads and writes the table. All methods may raise :class:`aiosqlite.Error`."""

    async def keep(self, prompts: Sequence[UnansweredPrompt]) -> None:
        """Add prompts."""
        await self._database.write_many(
            "INSERT INTO unanswered_prompt (channel, message, person, name, text, recited) VALUES (?, ?, ?, ?, ?, ?)",
            [(each.channel, each.message, each.person, each.name, each.text, each.recited) for each in prompts],
        )

    async def unanswered(self) -> list[UnansweredPrompt]:
        """All prompts, in the order in which they came."""
        query = "SELECT channel, message, person, name, text, recited FROM unanswered_prompt ORDER BY id"
        return [
            UnansweredPrompt(channel, message, person, name, text, bool(recited))
            for channel, message, person, name, text, recited in await self._database.rows(query)
        ]

    async def forget_prompts(self) -> None:
        """Delete all prompts."""
        await self._database.write("DELETE FROM unanswered_prompt")
