"""Database tables of what a restart has interrupted: calls, and prompts that nobody has answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bot.database import Records, Row


@dataclass(frozen=True, slots=True)
class InterruptedCall:
    """A call on Discord that the end of the bot has interrupted.

    Attributes:
        guild, voice_channel, prompt_channel: ids of its place.
        ended_at: seconds since 1970.
        present: user ids of those who were in it.
        language: the language that was spoken, as Whisper's code, if it is known.
        listening: whether the bot listened to anybody.
        mode: whether speech was answered; a value of :class:`~bot.voice.listening_notice.CallMode`.
        captions: where captions were written; a value of :class:`~config.sections.Captions`.
    """

    guild: int
    voice_channel: int
    prompt_channel: int
    ended_at: float
    present: frozenset[int]
    language: str | None
    listening: bool
    mode: str
    captions: str


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
    """Reads and writes the tables. All methods may raise :class:`aiosqlite.Error`."""

    async def keep_call(self, call: InterruptedCall) -> None:
        """Add a call. It replaces an earlier one on the same server."""
        await self._database.write(
            "INSERT OR REPLACE INTO interrupted_call VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(call.guild, call.voice_channel, call.prompt_channel, call.ended_at, json.dumps(sorted(call.present))),
            *(call.language, call.listening, call.mode, call.captions),
        )

    async def take_calls(self) -> list[InterruptedCall]:
        """Read all calls and delete them, so that the bot goes back into none of them twice."""
        rows = await self._database.rows(
            "SELECT guild, voice_channel, prompt_channel, ended_at, present, language, listening, mode, captions "
            "FROM interrupted_call ORDER BY ended_at"
        )
        await self._database.write("DELETE FROM interrupted_call")
        return [_call(row) for row in rows]

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


def _call(row: Row) -> InterruptedCall:
    guild, voice, prompts, ended_at, present, language, listening, mode, captions = row
    people = frozenset(json.loads(present))
    return InterruptedCall(guild, voice, prompts, ended_at, people, language, bool(listening), mode, captions)
