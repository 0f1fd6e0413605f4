"""Carries out what people say or type about the bot's memory: "remember that …", "forget that"."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.conversations.writer import ConversationWriter
from bot.llm.cleaning import clean_name
from bot.lone_people import is_passing
from bot.memory.audience import MemoryAsker
from bot.memory.memory import Memory, MemoryEmptyError
from bot.memory.spoken import mentioned, note
from bot.memory.wording import words_of
from bot.text import shorten
from bot.tools import tool
from bot.tools.confirmation import Confirmation
from bot.voice.memory_requests import MemoryAnswer, MemoryKeeper, MemoryRequest
from bot.voice.phone.people import PHONE_PLACE
from bot.voice.utterances.memory_words import MemoryLines, MemoryWords, PhoneMemoryLines
from bot.voice.utterances.voice_commands import VoiceCommand

MAX_TOLD = 3
"""Maximum number of facts that are told aloud."""
MAX_TEXT = 120
"""Maximum number of characters of each of these facts."""
ASKED = "forget everything that I know about you"


@dataclass(frozen=True, slots=True)
class MemoryAnswers:
    """Carries out requests in all places; see :meth:`at`.

    Attributes:
        writer: deletes turns from the stored conversations.
        words: the answers, by language.
        confirmation: returns the object that asks people to confirm, with buttons.
        may_keep: says whether anything of a person may be stored on a server.
        remembers: says whether the persona of a place has a memory.
        prefix: what typed commands begin with.
        clock: returns seconds since 1970.
    """

    memory: Memory
    writer: ConversationWriter
    words: MemoryWords
    confirmation: Callable[[], Confirmation]
    may_keep: Callable[[int | None, int], bool]
    remembers: Callable[[int], bool]
    prefix: str
    clock: Callable[[], float] = time.time

    def at(self, server: int | None, channel: int | None, call: str | None = None) -> MemoryKeeper:
        """The part that carries out requests in one place.

        Args:
            server: id of the Discord server; 0 on the page, 1 on the telephone; ``None`` in a private chat, for which
                ``channel`` is given.
            call: id of the call; ``None`` outside of calls.
        """
        return _LocalAnswers(self, server, channel, call)


@dataclass(frozen=True, slots=True)
class _LocalAnswers:
    parts: MemoryAnswers
    server: int | None
    channel: int | None
    call: str | None

    @property
    def _place(self) -> int:
        """The id by which the persona is chosen."""
        return self.server if self.server is not None else self.channel or 0

    @property
    def _command(self) -> str:
        return f"{self.parts.prefix}memory"

    def _of_place(self, lines: MemoryLines) -> MemoryLines | PhoneMemoryLines:
        """The lines for this place. On the telephone, where nobody can type, they name no command."""
        return lines.on_phone if self.server == PHONE_PLACE else lines

    async def carry_out(self, request: MemoryRequest, say: Callable[[str], None]) -> MemoryAnswer:
        """Carry out a request; raises :class:`aiosqlite.Error`."""
        lines, memory = self.parts.words.lines(request.language), self.parts.memory
        keeps = memory.enabled and self.parts.remembers(self._place)
        match request.command:
            case VoiceCommand.FORGET_THAT:
                done = await self._forget_that(request)
                return MemoryAnswer(lines.forgotten if done else lines.nothing_to_forget, done=done)
            case VoiceCommand.FORGET_ME:
                say(lines.sure)
                if await self._may_forget(request):
                    await memory.forget_all(request.person)
                    return MemoryAnswer(lines.all_forgotten, forget=True, done=True)
                return MemoryAnswer(lines.kept)
            case _ if not keeps:
                return MemoryAnswer(lines.switched_off)
            case VoiceCommand.WHAT_YOU_KNOW:
                return MemoryAnswer(await self._known(request))
            case _:
                return await self._remember(request)

    def failed(self, request: MemoryRequest) -> MemoryAnswer:
        """The answer if a request could not be carried out."""
        return MemoryAnswer(self.parts.words.lines(request.language).trouble)

    async def _remember(self, request: MemoryRequest) -> MemoryAnswer:
        """Store what a person says of themselves, word for word. They want it stored, so no consent is asked for."""
        lines, gate = self.parts.words.lines(request.language), self.parts.memory.gate
        if is_passing(request.person):
            return MemoryAnswer(lines.number_withheld)
        # The person may opt out meanwhile. Then all that is stored by now is forgotten, and nothing is stored later.
        async with gate.storing(gate.mark):
            return await self._note(request, lines)

    async def _note(self, request: MemoryRequest, lines: MemoryLines) -> MemoryAnswer:
        refused = self.parts.memory.choice(request.person) is False
        if refused or not self.parts.may_keep(self.server, request.person):
            return MemoryAnswer(self._of_place(lines).refused.format(command=self._command))
        words = request.words or (request.exchange[0].text if request.exchange else "")
        if (other := self._who_has_not_agreed(request, words)) is not None:
            return MemoryAnswer(lines.of_others.format(name=other))
        try:
            await note(self.parts.memory, self._asker(request), request.name, words, request.present, self.parts.clock)
        except MemoryEmptyError:
            return MemoryAnswer(lines.nothing_said)
        return MemoryAnswer(lines.remembered, done=True)

    def _who_has_not_agreed(self, request: MemoryRequest, words: str) -> str | None:
        """The name of somebody in the call whom the words name and who may not be remembered; ``None`` for nobody."""
        said = set(words_of(words))
        for person, name in request.present.items():
            may = self.parts.memory.consent.allows(person) and self.parts.may_keep(self.server, person)
            if person != request.person and not may and (own := set(words_of(name))) and own <= said:
                return clean_name(name)
        return None

    async def _known(self, request: MemoryRequest) -> str:
        """What everybody who listens may know of the person. The person alone sees the rest in writing."""
        lines, memory = self.parts.words.lines(request.language), self.parts.memory
        listeners = [MemoryAsker(person, self.server) for person in request.present]
        mine = [fact for fact in await memory.mine(self._asker(request)) if fact.person == request.person]
        open_to_all = [
            fact for fact in mine if all(memory.audiences.admits(fact.audience, listener) for listener in listeners)
        ]
        if not open_to_all:
            return self._of_place(lines).nothing.format(command=self._command)
        told = "; ".join(shorten(fact.text, MAX_TEXT).rstrip(".") for fact in open_to_all[:MAX_TOLD])
        known = f"{lines.known.format(facts=told)}."
        if len(mine) <= MAX_TOLD:
            return known
        return f"{known} {self._of_place(lines).more.format(command=self._command, count=len(mine))}"

    async def _forget_that(self, request: MemoryRequest) -> bool:
        """Forget the person's last turn with its answers, and the person's facts that the turn was about."""
        if not request.words and not request.exchange:
            return False
        text = request.words
        if not text:
            text = " ".join(turn.text for turn in request.exchange)
            if self.channel is not None:
                await self.parts.writer.forget_exchange(self.channel, request.person, request.exchange[0].text)
        for fact in await mentioned(self.parts.memory, self._asker(request), text):
            await self.parts.memory.forget(fact.id, request.person)
        return True

    async def _may_forget(self, request: MemoryRequest) -> bool:
        asker = tool.Asker(request.person, request.name, "", self._place, self.channel, self.call)
        return await self.parts.confirmation().ask(asker, ASKED) is True

    def _asker(self, request: MemoryRequest) -> MemoryAsker:
        return MemoryAsker(request.person, self.server)
