"""The client of a model server: streams replies, and keeps what is known of the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import Self

import aiohttp

from bot.identity import HEADERS
from bot.llm.answer import AnswerBuilder, AnswerPart, ReplyText, TextDelta, bounded_deltas, without_retracted_parts
from bot.llm.context_window import ContextWindow
from bot.llm.deltas import Delta
from bot.llm.dialect import Dialect
from bot.llm.errors import ModelError, ModelErrorKind, nothing_said
from bot.llm.messages import NO_SPEAKERS, ChatMessage, SpeakerNames
from bot.llm.probe import ServerReport, ask_context_size, check_server, count_tokens
from bot.llm.request_sender import ReplyRequest, RequestSender, ServerMemory
from bot.llm.requests import ModelOptions, reply_body
from bot.llm.response import ReplyReader
from bot.llm.small_model import ModelSize, ask_model_size, options_for_size
from bot.llm.thinking import ThinkingHabit, begins_inside_thought
from bot.llm.tool_calls import ToolCall
from config.sections import ModelApi

_log = logging.getLogger(__name__)

_KEEP_WARM = 600.0


class ModelClient:
    """One model server, asked for replies. Make it and use it on one event loop; ``close`` it at the end.

    The connection stays open between replies, so that a reply does not begin with a handshake. Replies may overlap.
    """

    def __init__(self, options: ModelOptions) -> None:
        self.options = options
        self._session: aiohttp.ClientSession | None = None
        self._told: set[str] = set()
        self._memories: dict[str | None, ServerMemory] = {}
        self._counting: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; a reply still streaming ends with an error. Closing twice is fine."""
        for task in self._counting:
            task.cancel()
        await asyncio.gather(*self._counting, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def check(self) -> ServerReport:
        """Ask the server whether it is up and which models it has; leaves a warm connection. Never raises."""
        return await check_server(self._connections(), self.options)

    async def learn_context_size(self, *, model: str | None = None) -> bool:
        """Ask the server how much the model takes in at once, unless that is set. Never raises.

        Replies go on meanwhile; the next one uses what was learnt. Returns whether it is known now.
        """
        options = self.options if model is None else replace(self.options, model=model)
        if options.context_tokens is not None:
            return True
        size = await ask_context_size(self._connections(), options)
        if size is not None:
            self._memory_of(options.model).window.learn_size(size)
        return size is not None

    async def learn_model_size(self, *, model: str | None = None) -> None:
        """Ask the server how many parameters the model has. Never raises; the next reply uses what was learnt."""
        options = self.options if model is None else replace(self.options, model=model)
        parameters = await ask_model_size(self._connections(), options)
        if parameters is not None:
            self._memory_of(options.model).size.learn(parameters)

    def context_size(self, *, model: str | None = None) -> int:
        """How many tokens the model takes in at once, as far as it is known."""
        return self._memory_of(model or self.options.model).window.size

    def size_of(self, *, model: str | None = None) -> ModelSize:
        """How large the model is, as far as it is known: small ones are asked in another way."""
        return self._memory_of(model or self.options.model).size

    async def warm_up(self, messages: Sequence[ChatMessage], *, model: str | None = None) -> None:
        """Have the server read ``messages`` and say one token, so that its prompt cache knows them before it matters.

        ``model`` asks the server for another model than the options do.

        Raises:
            ModelError: the server failed us, as it would have failed the first reply.
        """
        request = self._request(messages, model, warming=True)
        await self._ask_for_template(request)
        with self._sender(request) as sender:
            response = await sender.open()
            try:
                reader = ReplyReader(response, request.options, request.begin_by)
                await self._ask_for_template(request)
                reply = ReplyText(self._habit(request))
                while (delta := await reader.read()) is not None:
                    sender.reply_began()
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
        when_loading: Callable[[], None] | None = None,
    ) -> AsyncGenerator[AnswerPart, None]:
        """Ask for a reply to ``messages`` and yield it, piece by piece: text, and calls of tools.

        The text comes without thoughts, without the names of ``speakers`` before lines and without their lines; see
        :class:`~bot.llm.answer.ReplyText`. A retraction among the pieces says that what came before it was a
        thought. It can come in the first reply of a model only. It never comes if ``never_retract`` is set: then the
        first reply is withheld until it is complete. A call comes when it is complete, after the text before it.

        ``model`` asks the server for another model than the options do. ``when_loading`` is called, once, when a server
        that is still loading has been waited for for a while.

        What the server refuses of the request is left out, a conversation that is too long is shortened, and a server
        that is not ready is waited for, all within ``first_token_timeout``; see :mod:`bot.llm.request_sender`.

        Closing the generator (``contextlib.aclosing``), or cancelling the task that reads it, hangs up at once, which
        frees the server's slot. The reply is whole when the server marks its end; a stream that simply ends after
        some text is taken as whole too, since small servers leave the mark out, and is logged.

        Raises:
            ModelError: no reply, or no more of it; what was yielded before stands.
        """
        return self._answer(messages, model, speakers, never_retract, when_loading, runs_tools=True)

    async def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        never_retract: bool = False,
        when_loading: Callable[[], None] | None = None,
    ) -> AsyncGenerator[TextDelta, None]:
        """The text of a reply, for whoever runs no tools; otherwise as :meth:`stream`.

        Nobody runs tools yet. So this is what becomes of a tool that a model calls in a call or a chat: it is logged
        and passed over, and a reply that is nothing else is told as one that says nothing.
        """
        answer = self._answer(messages, model, speakers, never_retract, when_loading, runs_tools=False)
        async with aclosing(answer):
            async for part in answer:
                if isinstance(part, TextDelta):
                    yield part

    async def _answer(
        self,
        messages: Sequence[ChatMessage],
        model: str | None,
        speakers: SpeakerNames,
        never_retract: bool,
        when_loading: Callable[[], None] | None,
        *,
        runs_tools: bool,
    ) -> AsyncGenerator[AnswerPart, None]:
        request = self._request(messages, model, when_loading)
        spoke, asking = False, True
        async with self._asking_for_template(request) as template_asked:
            with self._sender(request) as sender:
                while asking:
                    asking = False
                    response = await sender.open()
                    reading = self._read(response, request, template_asked, speakers, never_retract, runs_tools)
                    async with aclosing(reading) as parts_of_answer:
                        try:
                            async for part in parts_of_answer:
                                if not spoke:
                                    sender.reply_began()
                                    self._count_later(request.options, sender.sent)
                                spoke = True
                                yield part
                        except ModelError as error:
                            # Some servers begin to answer, and take it back in the stream.
                            if (
                                spoke
                                or error.kind is not ModelErrorKind.SERVER
                                or not await sender.prepare_retry(error)
                            ):
                                raise
                            asking = True

    async def _read(
        self,
        response: aiohttp.ClientResponse,
        request: ReplyRequest,
        template_asked: Awaitable[bool],
        speakers: SpeakerNames,
        never_retract: bool,
        runs_tools: bool,
    ) -> AsyncGenerator[AnswerPart, None]:
        """The reply in an open response, which is closed at the end."""
        try:
            reader = ReplyReader(response, request.options, request.begin_by)
            # The first words are read before anything is waited for: what has arrived is lost when a server hangs up.
            delta = await reader.read()
            if await template_asked:
                await self._ask_for_template(request)
            text = ReplyText(self._habit(request), speakers, never_retract=never_retract, brief=request.options.brief)
            answer = AnswerBuilder(text)
            while delta is not None:
                for part in _heeded(await self._said_by(answer, delta), runs_tools):
                    yield part
                delta = None if answer.ended else await reader.read()
            for part in _heeded(answer.end(), runs_tools):
                yield part
            self._judge_end(answer, request.options, runs_tools)
        finally:
            # Hangs up, unless the body was read to its end: then the connection is back in the pool already.
            response.close()

    @staticmethod
    async def _said_by(answer: AnswerBuilder, delta: Delta) -> list[AnswerPart]:
        """What is said by one step, which may be a whole answer: the event loop goes on meanwhile."""
        said: list[AnswerPart] = []
        for part in bounded_deltas(delta):
            said += answer.take(part)
            if answer.ended:
                break
            if part is not delta:
                await asyncio.sleep(0)
        return without_retracted_parts(said)

    @asynccontextmanager
    async def _asking_for_template(self, request: ReplyRequest) -> AsyncIterator[Awaitable[bool]]:
        """Ask for the template beside the request for a reply, so that the reply need not wait for it."""
        asking = asyncio.create_task(self._ask_for_template(request), name="chat template")
        try:
            yield asking
        finally:
            asking.cancel()
            await asyncio.wait([asking])

    async def _ask_for_template(self, request: ReplyRequest) -> bool:
        """Ask a server that may tell whether the model thinks aloud; True where it could not be asked yet.

        It may be loading still, and then it can tell once it begins to answer.
        """
        options, habit = request.options, self._habit(request)
        if options.api is not ModelApi.CHAT or not habit.may_ask():
            return False
        body = reply_body(options, request.messages, options.max_tokens)
        try:
            habit.template_says(await begins_inside_thought(self._connections(), options, body))
        except TimeoutError:
            return False
        except (aiohttp.ClientError, OSError) as error:
            _log.debug("The server's chat template is not known: %r", error)
            return True
        return False

    def _habit(self, request: ReplyRequest) -> ThinkingHabit:
        return self._memory_of(request.options.model).habit

    def _count_later(self, options: ModelOptions, sent: Sequence[ChatMessage]) -> None:
        """Have the server count a long conversation, beside the reply, so that the next one is cut where it must be."""
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

    def _request(
        self,
        messages: Sequence[ChatMessage],
        model: str | None,
        when_loading: Callable[[], None] | None = None,
        *,
        warming: bool = False,
    ) -> ReplyRequest:
        options = self.options if model is None else replace(self.options, model=model)
        options = options_for_size(options, small=self._memory_of(options.model).size.small)
        begin_by = asyncio.get_running_loop().time() + options.first_token_timeout
        return ReplyRequest(options, messages, begin_by, when_loading, warming)

    def _sender(self, request: ReplyRequest) -> RequestSender:
        return RequestSender(request, self._memory_of(request.options.model), self._connections)

    def _memory_of(self, model: str | None) -> ServerMemory:
        if model not in self._memories:
            window = ContextWindow(self.options.context_tokens)
            self._memories[model] = ServerMemory(Dialect(self._told), window, ThinkingHabit(), ModelSize(model))
        return self._memories[model]

    def _judge_end(self, answer: AnswerBuilder, options: ModelOptions, runs_tools: bool) -> None:
        text = answer.text
        if not text.spoke and not (answer.called and runs_tools):
            raise nothing_said(options, text.reason, thought=text.thought)
        if not text.finished and not answer.ended:
            _log.warning("the model server at %s did not mark the end of its reply", options.server_name)

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


def _heeded(parts_of_answer: Sequence[AnswerPart], runs_tools: bool) -> Iterator[AnswerPart]:
    """The parts that somebody wants; see :meth:`ModelClient.text`."""
    for part in parts_of_answer:
        if isinstance(part, ToolCall) and not runs_tools:
            _log.info("The model calls the tool %s; there are no tools, so that is passed over", part.name)
        else:
            yield part
