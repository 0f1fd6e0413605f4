"""Database tables of what a restart has interrupted: calls, and prompts that nobody has answered."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.database import Records, Row

_log = logging.getLogger(__name__)

_CALLS = (
    "SELECT guild, voice_channel, prompt_channel, ended_at, present, language, listening, mode, captions, offered_at "
    "FROM interrupted_call"
)


@dataclass(frozen=True, slots=True)
class InterruptedCall:
    """A call on Discord that the end of the bot has interrupted.

    Attributes:
        guild, voice_channel, prompt_channel: ids of its Discord server, and of its channels for voice and for prompts.
        ended_at: seconds since 1970.
        present: user ids of those who were in it.
        language: the language that was spoken, as Whisper's code, if it is known.
        listening: whether the bot listened to anybody.
        mode: whether speech was answered; a value of :class:`~bot.voice.listening_notice.CallMode`.
        captions: where captions were written; a value of :class:`~config.sections.Captions`.
        offered_at: when a button to go on was posted, in seconds since 1970; ``None`` if there is none.
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
    offered_at: float | None = None

    @property
    def killed(self) -> bool:
        """Whether the bot was killed in this call. Then only the call's place is known."""
        return not self.present


@dataclass(frozen=True, slots=True)
class UnansweredPrompt:
    """A prompt of a call that is still to be answered.

    Attributes:
        channel: id of the call's text channel.
        message: id of the message there; ``None`` if the prompt was spoken.
        person: user id of who asked.
        recited: whether the text itself was to be read aloud.
        number: its number in the database; ``None`` as long as it is not stored.
    """

    channel: int
    message: int | None
    person: int
    name: str
    text: str
    recited: bool = False
    number: int | None = field(default=None, compare=False)


class RestartRecords(Records):
    """Reads and writes the tables. All methods may raise :class:`aiosqlite.Error`."""

    async def keep_call(self, call: InterruptedCall) -> None:
        """Add a call. It replaces an earlier one on the same server."""
        await self._database.write(
            "INSERT OR REPLACE INTO interrupted_call "
            "(guild, voice_channel, prompt_channel, ended_at, present, language, listening, mode, captions, offered_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(call.guild, call.voice_channel, call.prompt_channel, call.ended_at, json.dumps(sorted(call.present))),
            *(call.language, call.listening, call.mode, call.captions, call.offered_at),
        )

    async def calls(self) -> list[InterruptedCall]:
        """The calls without a button, until :meth:`forget_call`. Those that can't be read are logged and deleted."""
        rows = await self._database.rows(f"{_CALLS} WHERE offered_at IS NULL ORDER BY ended_at")
        read = [(row, _call(row)) for row in rows]
        for (guild, *_), call in read:
            if call is None:
                await self._database.write("DELETE FROM interrupted_call WHERE guild = ?", guild)
        return [call for _, call in read if call is not None]

    async def offered(self, guild: int, since: float) -> InterruptedCall | None:
        """The call on a server for which a button was posted after ``since`` (seconds since 1970), if there is one.

        Older ones of all servers are deleted.
        """
        await self.forget_offered(since)
        row = await self._database.row(f"{_CALLS} WHERE guild = ? AND offered_at IS NOT NULL", guild)
        return None if row is None else _call(row)

    async def forget_offered(self, before: float) -> None:
        """Delete the calls whose button was posted before this time (seconds since 1970)."""
        await self._database.write("DELETE FROM interrupted_call WHERE offered_at < ?", before)

    async def forget_call(self, call: InterruptedCall) -> None:
        """Delete a call. A later one on the same server, which a restart has interrupted meanwhile, is kept."""
        await self._database.write(
            "DELETE FROM interrupted_call WHERE guild = ? AND ended_at = ?", call.guild, call.ended_at
        )

    async def keep(self, prompts: Sequence[UnansweredPrompt], at: float) -> None:
        """Add prompts that came at about this time (seconds since 1970)."""
        await self._database.write_many(
            "INSERT INTO unanswered_prompt (channel, message, person, name, text, recited, at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(each.channel, each.message, each.person, each.name, each.text, each.recited, at) for each in prompts],
        )

    async def unanswered(self, since: float) -> list[UnansweredPrompt]:
        """The prompts, in the order in which they came. Spoken ones from before ``since`` are deleted."""
        await self._database.write("DELETE FROM unanswered_prompt WHERE message IS NULL AND at < ?", since)
        query = "SELECT channel, message, person, name, text, recited, id FROM unanswered_prompt ORDER BY id"
        return [
            UnansweredPrompt(channel, message, person, name, text, bool(recited), number)
            for channel, message, person, name, text, recited, number in await self._database.rows(query)
        ]

    async def forget_prompts(self, prompts: Sequence[UnansweredPrompt]) -> None:
        """Delete prompts that were read. Those that came meanwhile are kept."""
        await self._database.write_many(
            "DELETE FROM unanswered_prompt WHERE id = ?", [(each.number,) for each in prompts]
        )


def _call(row: Row) -> InterruptedCall | None:
    """The call of a row; ``None`` if the row is damaged, so that the other calls are not lost with it."""
    guild, voice, prompts, ended_at, present, language, listening, mode, captions, offered_at = row
    try:
        people = json.loads(present)
    except (ValueError, RecursionError):
        people = None
    if not isinstance(people, list) or not all(isinstance(person, int) for person in people):
        _log.warning("A call on the server %d can't be continued: what is stored of it is damaged", guild)
        return None
    people = frozenset(people)
    return InterruptedCall(
        guild, voice, prompts, ended_at, people, language, bool(listening), mode, captions, offered_at
    )
