"""Requests about the memory that people write to the bot outside of calls: "remember that …", "forget that"."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.characters import Characters
from bot.conversations.records import CHAT, SILENCE
from bot.conversations.writer import ConversationWriter
from bot.database import Database, Records
from bot.llm.history import Turn
from bot.memory_answers import MemoryAnswers
from bot.voice.memory_requests import MemoryRequest
from bot.voice.utterances.names import Names
from bot.voice.utterances.voice_commands import CommandRequest, VoiceCommand

_log = logging.getLogger(__name__)

MAX_TOLD = 200
"""Number of pairs of a person and a channel for which the last request is known, so that "forget that" can undo it."""
_LAST_EXCHANGE = """
SELECT id, role, text FROM chat_memory WHERE channel = ?1
AND id >= (SELECT max(id) FROM chat_memory WHERE channel = ?1 AND role = 'user' AND person = ?2)
AND id < coalesce((SELECT min(id) FROM chat_memory WHERE channel = ?1 AND role = 'user' AND id >
    (SELECT max(id) FROM chat_memory WHERE channel = ?1 AND role = 'user' AND person = ?2)), 9e18) ORDER BY id
"""
_TAKING_PART = """
SELECT person, max(who) FROM turns WHERE person IS NOT NULL AND conversation = (
    SELECT id FROM conversations WHERE channel = ? AND transport = ? AND ended >= ? ORDER BY id DESC LIMIT 1
) GROUP BY person
"""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, and where.

    Attributes:
        server: the server's id; ``None`` in private.
    """

    person: int
    name: str
    server: int | None
    channel: int


class TypedMemory(Records):
    """Carries out written requests about the memory, with the same answers as in calls. Use it only on the event loop.

    Args:
        answers: carry the requests out.
        writer: writes the stored conversations, which tell who takes part in one.
        clock: returns seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        answers: MemoryAnswers,
        characters: Characters,
        writer: ConversationWriter,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(database)
        self._answers = answers
        self._characters = characters
        self._writer = writer
        self._clock = clock
        self._names: dict[tuple[str, ...], Names] = {}
        self._told: OrderedDict[tuple[int, int], tuple[str, tuple[int, ...]]] = OrderedDict()
        """For each channel and person, what the last request was about, and the ids of the messages before it."""
        self._opted_out = 0
        """How often somebody has opted out. If this changes while a request is carried out, its words are not kept."""

    def request(self, text: str, place: int) -> CommandRequest | None:
        """The request in a text; ``None`` if the text is no request.

        Args:
            place: id of the server, or of the channel in private. Its persona gives the bot's names.
        """
        called = tuple(self._characters.at(place).persona.names)
        if called not in self._names:
            self._names[called] = Names(called)
        return self._answers.words.find(text, self._names[called])

    def forget(self, person: int) -> None:
        """Forget what the last requests of a person who opts out were about."""
        self._opted_out += 1
        for place in [place for place in self._told if place[1] == person]:
            del self._told[place]

    async def carry_out(self, request: CommandRequest, who: Writer) -> str:
        """Carry out a request. Returns the answer."""
        language, keeper, opted_out = request.language, self._answers.at(who.server, who.channel), self._opted_out
        about = MemoryRequest(request.command, who.person, who.name, request.choice, language, (), {})
        try:
            rows = await self._database.rows(_LAST_EXCHANGE, who.channel, str(who.person))
            exchange, numbers = _turns(rows, who), tuple(int(row[0]) for row in rows)
            words = request.choice
            if request.command is VoiceCommand.FORGET_THAT:
                told, before = self._told.pop((who.channel, who.person), ("", ()))
                words = told if before == numbers else ""
                if not words:
                    await self._database.write_many("DELETE FROM chat_memory WHERE id = ?", [(row,) for row in numbers])
            about = MemoryRequest(
                request.command, who.person, who.name, words, language, exchange, await self._taking_part(who)
            )
            # Nothing is said before the answer: in writing, the question whether to forget everything has words and
            # buttons of its own.
            answer = await keeper.carry_out(about, lambda text: None)
            if request.command is VoiceCommand.FORGET_THAT:
                await self._writer.erase_traces()
        except Exception:
            # Whatever it is, the person is told that it did not work.
            _log.exception("A request about the memory could not be carried out")
            return keeper.failed(about).text
        if opted_out == self._opted_out and request.command in (VoiceCommand.REMEMBER, VoiceCommand.WHAT_YOU_KNOW):
            self._told[who.channel, who.person] = (words or answer.text, numbers)
            while len(self._told) > MAX_TOLD:
                self._told.popitem(last=False)
        return answer.text

    async def _taking_part(self, who: Writer) -> dict[int, str]:
        """The people who have written in the current conversation, and so read what is written there."""
        people = {who.person: who.name}
        if who.server is not None:
            # What was written a second ago may still wait to be stored.
            await self._writer.flush()
            rows = await self._database.rows(_TAKING_PART, str(who.channel), CHAT, self._clock() - SILENCE)
            people = {int(person): str(name) for person, name in rows if str(person).isdecimal()} | people
        return people


def _turns(rows: Sequence[tuple[int, str, str]], who: Writer) -> tuple[Turn, ...]:
    return tuple(
        Turn.of_person(who.name, text, who.person) if role == "user" else Turn.of_bot(text) for _, role, text in rows
    )
