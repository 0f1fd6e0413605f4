"""Requests about the bot's memory in a call, spoken or typed: "remember that …", "what do you know about me?"."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.llm.history import History, Turn
from bot.voice.ports import CommandReciter
from bot.voice.utterances.classifier import SpokenCommand
from bot.voice.utterances.voice_commands import VoiceCommand

_log = logging.getLogger(__name__)

_ABOUT_BEFORE = (VoiceCommand.FORGET_THAT, VoiceCommand.REMEMBER)
"""Requests that may be about what was said last."""
LOOK_SECONDS = 0.05
"""Seconds between two looks whether the reply has ended."""
LONGEST_WAIT = 20.0
"""Seconds after which a request is carried out although a reply is still being spoken."""
MAX_WAITING = 5
"""Maximum number of requests that wait until they are begun. Further ones are dropped."""


@dataclass(frozen=True, slots=True)
class MemoryRequest:
    """A request of a person about the memory.

    Attributes:
        words: what is to be remembered, exactly as it was said; empty if the person means what they said before. For
            "forget that": what was remembered or told just before; empty if the person means the last exchange.
        language: the language in which the answer is given.
        exchange: the person's last turn and the answers to it.
        present: the names of all who hear the answer, by user id.
    """

    command: VoiceCommand
    person: int
    name: str
    words: str
    language: str
    exchange: Sequence[Turn]
    present: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class MemoryAnswer:
    """The answer to a request.

    Attributes:
        text: what is spoken.
        forget: whether the person's turns are to be removed from the call's history too.
        done: whether ``text`` only confirms that what the person wanted is done.
    """

    text: str
    forget: bool = False
    done: bool = False


class MemoryKeeper(Protocol):
    """Carries out requests about the memory in one place."""

    async def carry_out(self, request: MemoryRequest, say: Callable[[str], None]) -> MemoryAnswer:
        """Carry out a request. The answer is spoken to all people in the call.

        Args:
            say: says something before the answer, such as a question.
        """
        ...

    def failed(self, request: MemoryRequest) -> MemoryAnswer:
        """The answer if a request could not be carried out."""
        ...


@dataclass(slots=True, eq=False)
class _Open:
    """A request that is not carried out yet.

    Attributes:
        task: carries it out; ``None`` while it waits.
    """

    command: SpokenCommand
    task: asyncio.Task[None] | None = None


class MemoryRequests:
    """Carries out requests about the memory, while the conversation goes on. Use it only on the event loop.

    Args:
        keeper: carries out the requests; ``None`` if there is no memory.
        history: the call's history. What is to be forgotten is removed from it.
        attending: returns the names of the people in the call, by user id; none if it is not known who is there.
        answering: returns whether a reply is being made or spoken. A reply comes into the history when it has ended.
    """

    def __init__(
        self,
        keeper: MemoryKeeper | None,
        history: History,
        attending: Callable[[], Mapping[int, str]],
        answering: Callable[[], bool],
    ) -> None:
        self._answering = answering
        self._keeper = keeper
        self._history = history
        self._attending = attending
        self._told: dict[int, tuple[str, Sequence[Turn]]] = {}
        """For each person, what they asked the bot to remember or were told of the memory last; and their last exchange
        at that time."""
        self._requests: asyncio.Queue[_Open] = asyncio.Queue(MAX_WAITING)
        self._open: list[_Open] = []

    @property
    def unfinished(self) -> Sequence[SpokenCommand]:
        """The requests that are not carried out yet. When the call ends, they will never be."""
        return tuple(each.command for each in self._open)

    def forget(self, person: int) -> None:
        """Drop the open requests of a person who opts out, and forget what their earlier requests were about."""
        self._told.pop(person, None)
        for each in [each for each in self._open if each.command.person == person]:
            self._open.remove(each)
            if each.task is not None:
                each.task.cancel()

    def request(self, command: SpokenCommand) -> None:
        """Queue a request."""
        request = _Open(command)
        try:
            self._requests.put_nowait(request)
            self._open.append(request)
        except asyncio.QueueFull:
            _log.warning("A request about the memory is dropped, because too many wait")

    async def run(self, recite: CommandReciter) -> None:
        """Carry out requests until cancelled.

        Args:
            recite: speaks a text, as the answer to a command.
        """
        async with asyncio.TaskGroup() as tasks:
            while True:
                request = await self._requests.get()
                if request not in self._open:
                    continue  # Its person has opted out.
                # A request may wait until its person answers a question. Other requests go on meanwhile.
                work = self._finish(request, recite)
                request.task = tasks.create_task(work, name="call: a request about the memory")

    async def _finish(self, request: _Open, recite: CommandReciter) -> None:
        await self._carry_out(request.command, recite)
        self._open = [each for each in self._open if each is not request]

    async def _carry_out(self, command: SpokenCommand, recite: CommandReciter) -> None:
        if self._keeper is None:
            return
        if command.kind in _ABOUT_BEFORE:
            await self._reply_ended()
        exchange = self._history.last_exchange(command.person)
        words = command.choice
        if command.kind is VoiceCommand.FORGET_THAT:
            told, before = self._told.pop(command.person, ("", ()))
            words = told if before == exchange else ""
        request = MemoryRequest(
            command.kind,
            command.person,
            command.author,
            words,
            command.language,
            exchange,
            {**self._attending(), command.person: command.author},
        )
        try:
            if command.kind is VoiceCommand.FORGET_THAT and not words:
                self._history.remove(exchange)
            answer = await self._keeper.carry_out(request, lambda text: recite(command, text, may_be_left_out=True))
        except Exception:
            # Whatever the error is, the call goes on.
            _log.exception("A request about the memory could not be carried out")
            answer = self._keeper.failed(request)
        if answer.forget:
            self._history.forget(command.person)
        if command.kind in (VoiceCommand.REMEMBER, VoiceCommand.WHAT_YOU_KNOW):
            self._told[command.person] = (words or answer.text, exchange)
        recite(command, answer.text, may_be_left_out=answer.done)

    async def _reply_ended(self) -> None:
        for _ in range(round(LONGEST_WAIT / LOOK_SECONDS)):
            if not self._answering():
                return
            await asyncio.sleep(LOOK_SECONDS)
