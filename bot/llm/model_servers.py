"""Several model servers that stand in for each other. One that fails or is slow is replaced, even within an answer."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self

from bot.llm.answer import AnswerPart, TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.answer_so_far import AnswerSoFar
from bot.llm.client import ModelClient
from bot.llm.errors import ModelError, ModelErrorKind, too_slow
from bot.llm.messages import NO_SPEAKERS, ChatMessage, SpeakerNames
from bot.llm.probe import ServerReport
from bot.llm.pulse import Pulse
from bot.llm.requests import ModelOptions
from bot.llm.slots import CALL_SLOT
from bot.llm.small_model import ModelSize
from bot.llm.tools import ToolDescription
from bot.metering import UNMETERED, Meter, Paid
from bot.servers.choice import Candidate, ServerChoice
from bot.servers.probes import ServerProbes
from config.hosts import is_local

_log = logging.getLogger(__name__)

MOVED = "🔁 The model server at {old} doesn't answer, or is too slow: {new} answers instead."
LIMITED = "🔁 {why} {now} answers instead."
MOVED_BACK = "🔁 The model server at {new} answers again, instead of {old}."
_SERVER_IS_DOWN = frozenset(
    {
        ModelErrorKind.UNREACHABLE,
        ModelErrorKind.UNAUTHORIZED,
        ModelErrorKind.NOT_FOUND,
        ModelErrorKind.HTTP,
        ModelErrorKind.FIRST_TOKEN_TIMEOUT,
        ModelErrorKind.STALLED,
        ModelErrorKind.BROKEN,
        ModelErrorKind.SERVER,
    }
)
"""Errors after which a server is not asked again until a probe has found that it is ready. Other errors may be due to
the conversation: another server is asked for this answer, but the same server is asked for the next answer."""
_SLOW = frozenset({ModelErrorKind.FIRST_TOKEN_TIMEOUT, ModelErrorKind.STALLED})
_ABOUT_THE_REQUEST = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
"""HTTP statuses with which a working server refuses a single request."""


@dataclass(slots=True)
class _Server:
    """One of the servers. ``first`` says whether it is the preferred one."""

    client: ModelClient
    paid: bool
    first: bool
    listed: tuple[str, ...] = ()
    """The models that it has, as far as it lists them."""
    known: bool = False
    """Whether it was asked for its model's size, its slots and its context."""

    @property
    def name(self) -> str:
        """Its name for people."""
        return self.client.options.server_name

    def model(self, wanted: str | None) -> str | None:
        """The model to ask for: ``wanted``. A stand-in that does not list it is asked for its own: ``None``."""
        return wanted if self.first or wanted in self.listed else None


@dataclass(frozen=True, slots=True)
class _Question:
    """The arguments of :meth:`ModelClient.stream` or :meth:`ModelClient.text`, for whichever server is asked."""

    messages: Sequence[ChatMessage]
    model: str | None
    speakers: SpeakerNames
    never_retract: bool
    slot: int | None
    progress: AnswerProgress
    tools: Sequence[ToolDescription] = ()
    max_tokens: int | None = None
    text_only: bool = False


class ModelServers:
    """The client of several model servers; see :class:`~bot.llm.answering_model.AnsweringModel`.

    It is an async context manager, and must be used on one event loop. While it is open, it probes the servers.

    An answer that fails before its first word is asked for at the next server. If it fails later, the next server goes
    on with it after the words that were said (:mod:`bot.llm.continuation`). No word is said twice.

    Args:
        options: the options of the servers. Those on this machine or in the local network are preferred; apart from
            that, their order counts.
        guesses: whether stand-ins that cost money may be asked for speculative replies, as the preferred server may.
        meter: counts the tokens of all requests.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        options: Sequence[ModelOptions],
        meter: Meter = UNMETERED,
        *,
        guesses: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        ordered = sorted(options, key=lambda each: not is_local(each.url))
        self._servers = [_Server(ModelClient(each, meter), each.paid, each is ordered[0]) for each in ordered]
        self._guesses = guesses
        self._meter = meter
        self._limit_told = set[int | None]()
        candidates = [Candidate(server.paid, not is_local(server.client.options.url)) for server in self._servers]
        self._choice = ServerChoice(candidates, clock)
        self._answering = 0
        self._probes = ServerProbes(self._choice, self._is_ready, self._log_move, clock, "probes of the model servers")

    async def __aenter__(self) -> Self:
        self._probes.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the probes, and close all connections."""
        await self._probes.close()
        for server in self._servers:
            await server.client.close()

    @property
    def options(self) -> ModelOptions:
        """The options of the server that answers now."""
        return self._current.client.options

    @property
    def stands_in_for(self) -> str | None:
        """The name of the preferred server, if another one answers in its place."""
        return None if self._current.first else self._servers[0].name

    def begin_call(self) -> None:
        """Choose the server for a call. The call stays with it as long as it answers."""
        self._limit_told = set()
        self._choice.begin_call()

    def end_call(self) -> None:
        """The call is over: the preferred server is used again as soon as it answers."""
        self._choice.end_call()
        self._log_move()

    async def check(self) -> ServerReport:
        """Ask the servers whether they are ready, the current one first. Report the first ready one. Never raises."""
        reports: list[ServerReport] = []
        tried: set[int] = set()
        while (number := self._choice.next(tried)) is not None:
            tried.add(number)
            reports.append(await self._ask_state(self._servers[number]))
            if reports[-1].problem is None:
                return reports[-1]
        problems = " ".join(report.problem or "" for report in reports)
        return ServerReport(any(report.reachable for report in reports), problem=problems)

    async def learn_context_size(self, *, model: str | None = None) -> bool:
        """Learn the size of the context of the current server's model."""
        return await self._current.client.learn_context_size(model=self._current.model(model))

    async def learn_model_size(self, *, model: str | None = None) -> None:
        """Learn the size of the current server's model."""
        await self._current.client.learn_model_size(model=self._current.model(model))

    async def learn_slots(self, *, model: str | None = None) -> None:
        """Learn whether the current server is a llama.cpp server."""
        await self._current.client.learn_slots(model=self._current.model(model))

    def reads_ahead(self, *, model: str | None = None) -> bool:
        """Whether the current server may be asked to read a prompt before its answer is wanted."""
        return self._current.client.reads_ahead(model=self._current.model(model))

    def context_size(self, *, model: str | None = None) -> int:
        """The context of the current server's model, in tokens."""
        return self._current.client.context_size(model=self._current.model(model))

    def size_of(self, *, model: str | None = None) -> ModelSize:
        """The size of the current server's model."""
        return self._current.client.size_of(model=self._current.model(model))

    async def warm_up(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        unfinished: bool = False,
        tools: Sequence[ToolDescription] = (),
        slot: int = CALL_SLOT,
    ) -> None:
        """Fill the prompt cache of the current server, unless it costs money."""
        server = self._current
        if not server.paid:
            name = server.model(model)
            await server.client.warm_up(messages, model=name, unfinished=unfinished, tools=tools, slot=slot)

    def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        never_retract: bool = False,
        slot: int | None = None,
        progress: AnswerProgress = NOT_WATCHED,
        tools: Sequence[ToolDescription] = (),
    ) -> AsyncGenerator[AnswerPart, None]:
        """Stream a reply with its text and tool calls. Raises ModelError if no server completes it."""
        return self._answer(_Question(messages, model, speakers, never_retract, slot, progress, tools))

    async def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        never_retract: bool = False,
        slot: int | None = None,
        progress: AnswerProgress = NOT_WATCHED,
        max_tokens: int | None = None,
    ) -> AsyncGenerator[TextDelta, None]:
        """Stream only the text of a reply. Raises ModelError if no server completes it."""
        question = _Question(
            messages, model, speakers, never_retract, slot, progress, max_tokens=max_tokens, text_only=True
        )
        async with aclosing(self._answer(question)) as parts:
            async for part in parts:
                if isinstance(part, TextDelta):
                    yield part

    async def _answer(self, question: _Question) -> AsyncGenerator[AnswerPart, None]:
        so_far, errors, tried = AnswerSoFar(), list[ModelError](), set[int]()
        while (number := self._choice.next(tried)) is not None:
            tried.add(number)
            server = self._servers[number]
            if server.paid and not self._may_guess(server):
                await question.progress.before_tools()
            if (why := server.client.refusal(question.messages)) is not None:
                errors.append(ModelError(ModelErrorKind.LIMIT, why))
                continue
            if any(error.kind is ModelErrorKind.LIMIT for error in errors):
                self._tell_limit(question, errors, server)
            self._tell_move(question)
            try:
                async with aclosing(self._attempt(question, server, so_far, self._choice.has_other(tried))) as parts:
                    async for part in parts:
                        for ready in so_far.take(part):
                            yield ready
            except ModelError as error:
                if error.kind is ModelErrorKind.NO_CONTINUATION:
                    # The server works. It is asked once more, now for a new sentence.
                    tried.discard(number)
                    continue
                if error.kind is ModelErrorKind.EMPTY and not (so_far.begun or so_far.called):
                    raise
                self._note_failure(number, error)
                if so_far.called or error.kind is ModelErrorKind.EMPTY:
                    # The words and tool calls that have come are the answer. After calls, the model is asked again with
                    # their results.
                    break
                so_far.broke_off()
                errors.append(error)
            else:
                self._choice.answered(number)
                break
        else:
            raise _of_all(errors)
        for ready in so_far.end():
            yield ready

    async def _attempt(
        self, question: _Question, server: _Server, so_far: AnswerSoFar, limited: bool
    ) -> AsyncGenerator[AnswerPart, None]:
        """Ask one server for the answer, or for the rest of it.

        Args:
            limited: whether the server must not be silent for longer than ``LLM_SLOW_AFTER``, because another one could
                answer.
        """
        options = server.client.options
        pulse = Pulse(question.progress, options.slow_after if limited else None)
        async with aclosing(self._ask(question, server, so_far, pulse.progress)) as parts:
            while True:
                try:
                    async with pulse.limit():
                        part = await anext(parts, None)
                except TimeoutError as error:
                    raise too_slow(options, begun=pulse.felt) from error
                if part is None:
                    return
                yield part

    @staticmethod
    def _ask(
        question: _Question, server: _Server, so_far: AnswerSoFar, progress: AnswerProgress
    ) -> AsyncGenerator[AnswerPart, None]:
        client, model = server.client, server.model(question.model)
        continues = so_far.begun and client.continues_answers()
        messages = so_far.go_on(question.messages, continues=continues)
        never_retract = question.never_retract or so_far.begun
        if question.text_only:
            return client.text(
                messages,
                model=model,
                speakers=question.speakers,
                never_retract=never_retract,
                slot=question.slot,
                progress=progress,
                max_tokens=question.max_tokens,
                continues=continues,
            )
        return client.stream(
            messages,
            model=model,
            speakers=question.speakers,
            never_retract=never_retract,
            slot=question.slot,
            progress=progress,
            tools=question.tools,
            continues=continues,
        )

    @property
    def _current(self) -> _Server:
        current = self._servers[self._choice.current]
        if current.paid and self._meter.refusal(Paid.TOKENS) is not None:
            free = (each for number, each in enumerate(self._servers) if not each.paid and self._choice.is_up(number))
            return next(free, current)
        return current

    def _may_guess(self, server: _Server) -> bool:
        """Whether a server that costs money may be asked for a speculative reply."""
        return (self._guesses or server.first) and self._meter.refusal(Paid.TOKENS, guess=True) is None

    def _tell_limit(self, question: _Question, errors: Sequence[ModelError], server: _Server) -> None:
        if question.slot not in self._limit_told:
            self._limit_told.add(question.slot)
            why = next(error for error in errors if error.kind is ModelErrorKind.LIMIT)
            question.progress.moved(LIMITED.format(why=why, now=server.name))

    def _note_failure(self, number: int, error: ModelError) -> None:
        _log.warning("%s", error)
        if error.kind in _SERVER_IS_DOWN and error.status not in _ABOUT_THE_REQUEST:
            self._choice.failed(number, slow=error.kind in _SLOW)
            self._log_move()

    def _log_move(self) -> None:
        before, self._answering = self._answering, self._choice.current
        if before != self._answering:
            _log.warning("%s", self._move(before, self._answering))

    def _tell_move(self, question: _Question) -> None:
        if (news := self._choice.take_news(question.slot)) is not None:
            question.progress.moved(self._move(*news))

    def _move(self, before: int, now: int) -> str:
        text = MOVED_BACK if now < before else MOVED
        return text.format(old=self._servers[before].name, new=self._servers[now].name)

    async def _is_ready(self, number: int) -> bool:
        """Probe a server. As soon as it is ready, learn its model's size, its slots and its context. Never raises."""
        server = self._servers[number]
        ready = (await self._ask_state(server)).problem is None
        if ready and not server.known:
            await server.client.learn_model_size()
            await server.client.learn_slots()
            await server.client.learn_context_size()
            server.known = True
        return ready

    @staticmethod
    async def _ask_state(server: _Server) -> ServerReport:
        report = await server.client.check()
        server.listed = report.models or server.listed
        return report


def _of_all(errors: Sequence[ModelError]) -> ModelError:
    """The error if no server has answered."""
    texts = dict.fromkeys(str(error) for error in errors)
    return ModelError(errors[-1].kind, " ".join(texts), status=errors[-1].status)
