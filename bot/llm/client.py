"""Client of a model server: streams replies, and remembers what it learned about the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from types import TracebackType
from typing import Self

import aiohttp

from bot.identity import HEADERS
from bot.llm.answer import AnswerPart, ReplyFilter, TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.context_size import ask_context_size
from bot.llm.context_window import ContextWindow
from bot.llm.continuation import Continuation
from bot.llm.counted_tokens import count_tokens
from bot.llm.dialect import Dialect
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.messages import NO_SPEAKERS, ChatMessage, SpeakerNames
from bot.llm.plausible_usage import UsageCheck
from bot.llm.probe import ServerReport, check_server
from bot.llm.reply_parts import read_parts
from bot.llm.request_sender import ReplyRequest, RequestSender, ServerMemory
from bot.llm.requests import ModelOptions
from bot.llm.response import ReplyReader
from bot.llm.slots import CALL_SLOT, ServerSlots, ask_llama_server
from bot.llm.small_model import ModelSize, ask_model_size, options_for_size
from bot.llm.template_probe import TemplateProbe
from bot.llm.thinking import ThinkingHabit
from bot.llm.token_count import TokenCount
from bot.llm.tools import ToolDescription
from bot.metering import UNMETERED, Meter, Paid
from config.tasks import end_tasks

_KEEP_WARM = 600.0
"""Seconds for which an unused connection is kept open."""


class ModelClient:
    """Client of one model server. Create it and use it on one event loop, and :meth:`close` it at the end.

    Connections are kept open between replies, so that a reply does not have to wait for a handshake. Several replies
    may be streamed at the same time.

    Args:
        options: the server, and how it is asked.
        meter: counts the tokens of all requests.
        known_as: the server's name where its use is shown; ``None`` for its host and port.

    Attributes:
        paid: whether the server costs money.
    """

    def __init__(self, options: ModelOptions, meter: Meter = UNMETERED, *, known_as: str | None = None) -> None:
        self.options = options
        self.paid = options.paid
        self._meter = meter
        self._known_as = known_as or options.server_name
        self._usage_check = UsageCheck(self._known_as)
        self._session: aiohttp.ClientSession | None = None
        self._logged: set[str] = set()
        self._memories: dict[str | None, ServerMemory] = {}
        self._continuation = Continuation()
        self._counting: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. Replies that are being streamed fail. Closing again does nothing."""
        await end_tasks(*self._counting)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def check(self) -> ServerReport:
        """Ask the server whether it is ready and which models it has. The connection stays open. Never raises."""
        report = await check_server(self._connections(), self.options)
        self._continuation.learn(report.owners)
        return report

    def refusal(self, messages: Sequence[ChatMessage]) -> str | None:
        """Why a server that costs money is not asked any more today, as a sentence; ``None`` if it may be asked.

        An answer that waits for tools goes on after them, even if today's limit was reached meanwhile.
        """
        goes_on = bool(messages) and messages[-1].role == "tool"
        return self._meter.refusal(Paid.TOKENS) if self.paid and not goes_on else None

    def continues_answers(self) -> bool:
        """Whether the server is known to go on with an answer that has been begun; see :meth:`stream`."""
        return self._continuation.possible(self.options.api)

    async def learn_context_size(self, *, model: str | None = None) -> bool:
        """Ask the server for the model's context size, unless the operator has set it. Never raises.

        Replies can be streamed meanwhile; the next reply uses the result. Returns whether the size is known now.
        """
        options = self._options_for(model)
        if options.context_tokens is not None:
            return True
        size = await ask_context_size(self._connections(), options)
        if size is not None:
            self._memory_of(options.model).window.learn_size(size)
        return size is not None

    async def learn_model_size(self, *, model: str | None = None) -> None:
        """Ask the server how many parameters the model has. Never raises. The next reply uses the result."""
        options = self._options_for(model)
        parameters = await ask_model_size(self._connections(), options)
        if parameters is not None:
            self._memory_of(options.model).size.learn(parameters)

    async def learn_slots(self, *, model: str | None = None) -> None:
        """Ask the server whether it is a llama.cpp server, how many slots it has, and whether it takes tools.

        Never raises.
        """
        options = self._options_for(model)
        memory = self._memory_of(options.model)
        if memory.slots.known or (server := await ask_llama_server(self._connections(), options)) is None:
            return
        memory.slots.learn(server.slots)
        if not server.takes_tools:
            memory.dialect.learn_no_tools()

    def reads_ahead(self, *, model: str | None = None) -> bool:
        """Whether the server may be asked to read a prompt before its answer is wanted (:meth:`warm_up`).

        It must be known to be a llama.cpp server, which keeps the prompt of each slot in a cache, and must be free.
        """
        return not self.paid and self._memory_of(model or self.options.model).slots.known

    def context_size(self, *, model: str | None = None) -> int:
        """The model's context size in tokens, as far as it is known."""
        return self._memory_of(model or self.options.model).window.size

    def size_of(self, *, model: str | None = None) -> ModelSize:
        """The model's size, as far as it is known. Small models get shorter prompts."""
        return self._memory_of(model or self.options.model).size

    async def warm_up(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        unfinished: bool = False,
        tools: Sequence[ToolDescription] = (),
        slot: int = CALL_SLOT,
    ) -> None:
        """Ask for a reply of one token to ``messages``, so that the prompt cache for calls contains them afterwards.

        Args:
            model: the model to use; ``None`` for the configured one.
            unfinished: whether the last message is not complete yet. If so, nothing is learned from the token.
            tools: the tools that later replies will be offered. They are a part of the prompt.
            slot: the slot of a llama.cpp server in which the replies will be made.

        Raises:
            ModelError: the server could not reply, or costs money and today's limit is reached.
        """
        request = replace(self._request(messages, model), warming=True, unfinished=unfinished, slot=slot, tools=tools)
        self._require_limit(messages)
        probe = self._template_probe(request)
        await probe.ask()
        with self._counted(request) as count, self._sender(request := count.watched()) as sender:
            response = await sender.open()
            try:
                reader = ReplyReader(response, request.options, request.begin_by, request.progress.counted)
                await probe.ask()
                reply = ReplyFilter(ThinkingHabit() if unfinished else self._habit(request))
                while (delta := await reader.read()) is not None:
                    sender.reply_began()
                    count.came(delta)
                    reply.take(delta)
                reply.end()
            finally:
                response.close()

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
        continues: bool = False,
    ) -> AsyncGenerator[AnswerPart, None]:
        """Ask for a reply to ``messages``, and yield its text and its tool calls as they arrive.

        The text is filtered (:class:`~bot.llm.answer.ReplyFilter`): it has no thoughts, no names at the start of lines,
        and no lines of other people. A piece with ``retracts`` means that all text before it was a thought. That
        happens mostly in the first reply of a model: later, it is known whether its replies begin inside a thought. A
        tool call is yielded when it is complete, after the text before it.

        If the server refuses the request, the client changes the request and sends it again. If the server is not
        ready, the client waits. The reply must begin within ``first_token_timeout``, including all attempts and waits;
        see :class:`~bot.llm.request_sender.RequestSender`.

        Closing the generator (``contextlib.aclosing``), or cancelling the task that reads it, closes the connection
        immediately, so that the server stops computing. A reply is complete when the server marks its end. Some small
        servers leave the end mark out, so a stream that ends after some text counts as complete too, and is logged.

        Args:
            model: the model to use; ``None`` for the configured one.
            speakers: names that the model may write at the start of a line.
            never_retract: withhold the first reply of a model until it is complete, so that nothing is ever retracted.
            slot: the slot of a llama.cpp server in which the reply is made, because that slot's cache has the prompt;
                ``None`` leaves the choice to the server. Without a slot, a server is asked to report tokens only if it
                costs money.
            progress: its functions are called while the reply is made.
            tools: the tools that the model may call. They are described in a field of the request, or in the system
                prompt if the server refuses that field or has none (:mod:`bot.llm.tool_text`).
            continues: go on with the last message, which is the assistant's. Allowed only if :meth:`continues_answers`.

        Raises:
            ModelError: there is no reply, or it broke off. Everything that was yielded before stays valid.
        """
        return self._answer(
            replace(
                self._request(messages, model),
                slot=slot,
                progress=progress,
                tools=tools,
                continues=continues,
                speakers=speakers,
                never_retract=never_retract,
                runs_tools=True,
            )
        )

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
        continues: bool = False,
    ) -> AsyncGenerator[TextDelta, None]:
        """Ask for a reply like :meth:`stream`, but without tools, and yield only its text.

        A tool call is only logged. A reply that consists of tool calls alone raises a ModelError, like an empty reply.

        Args:
            max_tokens: the limit for this reply, in tokens, if it is more than ``LLM_MAX_TOKENS``.
        """
        request = replace(
            self._request(messages, model),
            slot=slot,
            progress=progress,
            continues=continues,
            speakers=speakers,
            never_retract=never_retract,
        )
        if max_tokens is not None:
            # A model that thinks needs what the operator has set, however short the answer is.
            limit = max(max_tokens, request.options.max_tokens)
            request = replace(request, options=replace(request.options, max_tokens=limit))
        async with aclosing(self._answer(request)) as answer:
            async for part in answer:
                if isinstance(part, TextDelta):
                    yield part

    async def _answer(self, request: ReplyRequest) -> AsyncGenerator[AnswerPart, None]:
        spoke, asking = False, True
        if self.paid and self._meter.refusal(Paid.TOKENS, guess=True) is not None:
            # A speculative reply is asked for only once it is wanted.
            await request.progress.before_tools()
        self._require_limit(request.messages)
        async with self._template_probe(request).asking() as template_known:
            with self._counted(request) as count, self._sender(request := count.watched()) as sender:
                while asking:
                    asking = False
                    response = await sender.open()
                    parts = read_parts(response, request, self._habit(request), count, template_known)
                    async with aclosing(parts):
                        try:
                            async for part in parts:
                                if not spoke:
                                    sender.reply_began()
                                    self._count_later(request.options, sender.sent)
                                spoke = True
                                yield part
                        except ModelError as error:
                            # Some servers accept a request with status 200 and then refuse it inside of the stream.
                            if spoke or not await sender.prepare_retry(error):
                                raise
                            asking = True

    def _habit(self, request: ReplyRequest) -> ThinkingHabit:
        # A reply that goes on after words for people has no thought at its beginning.
        return ThinkingHabit() if request.continues else self._memory_of(request.options.model).habit

    def _count_later(self, options: ModelOptions, sent: Sequence[ChatMessage]) -> None:
        """Have the server count the tokens of a long conversation during the reply, to correct the next estimate."""
        window = self._memory_of(options.model).window
        if not window.wants_count(sent) or self._counting:
            return

        async def count() -> None:
            tokens = await count_tokens(self._connections(), options, sent)
            if tokens is not None:
                window.learn_count(sent, tokens)

        task = asyncio.create_task(count(), name=f"tokens counted by {options.server_name}")
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)

    def _options_for(self, model: str | None) -> ModelOptions:
        return self.options if model is None else replace(self.options, model=model)

    def _request(self, messages: Sequence[ChatMessage], model: str | None) -> ReplyRequest:
        options = self._options_for(model)
        options = options_for_size(options, self._memory_of(options.model).size)
        begin_by = asyncio.get_running_loop().time() + options.first_token_timeout
        return ReplyRequest(options, messages, begin_by, paid=self.paid)

    def _sender(self, request: ReplyRequest) -> RequestSender:
        return RequestSender(request, self._memory_of(request.options.model), self._connections)

    def _template_probe(self, request: ReplyRequest) -> TemplateProbe:
        return TemplateProbe(request, self._habit(request), self._connections)

    def _require_limit(self, messages: Sequence[ChatMessage]) -> None:
        if (why := self.refusal(messages)) is not None:
            raise ModelError(ModelErrorKind.LIMIT, why)

    def _counted(self, request: ReplyRequest) -> TokenCount:
        return TokenCount(self._meter, request, self._known_as, self._usage_check, paid=self.paid)

    def _memory_of(self, model: str | None) -> ServerMemory:
        if model not in self._memories:
            window = ContextWindow(self.options.context_tokens)
            dialect, habit, size = Dialect(self._logged), ThinkingHabit(), ModelSize(model)
            self._memories[model] = ServerMemory(dialect, window, habit, size, ServerSlots(), self._continuation)
        return self._memories[model]

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            wait, key = self.options.connect_timeout, self.options.api_key
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_WARM),
                timeout=aiohttp.ClientTimeout(total=None, connect=wait, sock_connect=wait),
                headers=HEADERS | ({"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session
