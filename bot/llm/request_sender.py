"""Sends the request for a reply, and changes or repeats it if that helps, until the server begins to reply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from typing_extensions import override

from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.context_window import ContextWindow, FittedRequest
from bot.llm.continuation import Continuation, refuses_to_go_on
from bot.llm.dialect import (
    TOOLS,
    Dialect,
    RefusedField,
    refused_fields,
    refuses_calls,
    refuses_system_role,
    refuses_tools,
    with_system_folded,
    without_field,
)
from bot.llm.errors import (
    LengthRefusal,
    ModelError,
    ModelErrorKind,
    Refusal,
    length_refusal,
    model_error,
    read_refusal,
    refused,
    too_late,
    unreachable,
)
from bot.llm.messages import NO_SPEAKERS, ChatMessage, SpeakerNames
from bot.llm.people_questions import no_repetition
from bot.llm.prompt_report import PromptReport
from bot.llm.requests import ModelOptions, longest_answer, one_token, reply_body, reply_url
from bot.llm.server_wait import ServerWait, may_succeed_later, says_it_is_loading
from bot.llm.slots import OPTIONAL_FIELDS, ServerSlots
from bot.llm.small_model import ModelSize
from bot.llm.thinking import ThinkingHabit
from bot.llm.tool_text import messages_as_text, tools_that_fit
from bot.llm.tools import ToolDescription
from config.engine_sections import ModelApi

MAX_FIELD_RETRIES = 3
"""Maximum number of retries of one request without fields that the server refused."""
MAX_SHORTENINGS = 4
"""Maximum number of retries of one request with a shorter conversation."""
REQUEST_REFUSED = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.NOT_ACCEPTABLE,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.NOT_IMPLEMENTED,
    }
)
"""Statuses with which servers refuse a request because of its contents."""

Connections = Callable[[], aiohttp.ClientSession]
"""A function that returns the session with the connections to the server."""


@dataclass(frozen=True, slots=True)
class ServerMemory:
    """Everything that was learned about one model on one server."""

    dialect: Dialect
    window: ContextWindow
    habit: ThinkingHabit
    size: ModelSize
    slots: ServerSlots
    continuation: Continuation


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """A request for a reply, before it is adapted to the server.

    Attributes:
        begin_by: the event loop's time by which the reply must have begun.
        warming: whether the request only fills the server's prompt cache, so that a reply of one token is enough.
        unfinished: whether the last message is not complete yet, and no answer is wanted.
        slot: the slot of a llama.cpp server in which the reply is made; ``None`` leaves the choice to the server.
        tools: the tools that the model may call.
        progress: its functions are called while the reply is made.
        continues: whether the reply goes on with the last message, which is the assistant's.
        paid: whether the server costs money.
        speakers: names that the model may write at the start of a line.
        never_retract: whether the first reply of a model is withheld until it is complete, so that nothing is ever
            retracted.
        runs_tools: whether tool calls are wanted. Otherwise they are only logged.
    """

    options: ModelOptions
    messages: Sequence[ChatMessage]
    begin_by: float
    warming: bool = False
    unfinished: bool = False
    slot: int | None = None
    tools: Sequence[ToolDescription] = ()
    progress: AnswerProgress = NOT_WATCHED
    continues: bool = False
    paid: bool = False
    speakers: SpeakerNames = NO_SPEAKERS
    never_retract: bool = False
    runs_tools: bool = False


class RequestSender:
    """Sends one request, again if that helps, until the server begins to reply. Use it as a context manager.

    It leaves out the fields that the server refuses, shortens a conversation that is too long, and waits for a server
    that is not ready. After :meth:`prepare_retry`, :meth:`open` may be called again.
    """

    def __init__(self, request: ReplyRequest, memory: ServerMemory, connections: Connections) -> None:
        self._request = request
        self._options = request.options
        self._memory = memory
        self._connections = connections
        self._sent: Sequence[ChatMessage] = request.messages
        self._sent_body: Mapping[str, Any] = {}
        self._tool_tokens = 0
        """Estimated tokens of the descriptions of the tools that were sent."""
        self._left_out_fields: list[RefusedField] = []
        """Fields that are left out of this request, and are remembered once the server accepts it."""
        self._folds_system = False
        """Whether system messages are moved into the user's first message."""
        self._field_tries = 0
        self._shortenings = 0
        self._report_prompt: Callable[[], None] = lambda: None
        """Reports to the request's ``progress`` what the newest body holds."""
        self._wait = ServerWait(request.begin_by, self._options.loading_notice_after, request.progress.loading)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wait.stop()

    async def open(self) -> aiohttp.ClientResponse:
        """Send the request, and return the response from which the reply can be read.

        Raises:
            ModelError: the server can't be reached, refuses the request, or is not ready in time.
        """
        while True:
            self._sent_body = self._body()
            response = await self._ask(self._sent_body)
            if response.status == HTTPStatus.OK:
                self._wait.stop()
                return response
            try:
                refusal = await read_refusal(response, self._request.begin_by)
            finally:
                response.close()
            await self._make_ready(refusal)

    @property
    def sent(self) -> Sequence[ChatMessage]:
        """The part of the conversation that was sent."""
        return self._sent

    def reply_began(self) -> None:
        """Report that the reply has begun. This confirms that the server refused the fields that were left out."""
        self._remember_left_out_fields()

    async def prepare_retry(self, error: ModelError) -> bool:
        """Prepare another attempt after an accepted request failed before the first word of its reply.

        This may wait for the server. Returns False if another attempt would not help.

        Raises:
            ModelError: the server will not be ready in time.
        """
        if error.kind is ModelErrorKind.FIRST_TOKEN_TIMEOUT and self._wait.loading_error is not None:
            raise self._wait.loading_error from error
        if error.kind is not ModelErrorKind.SERVER:
            return False
        said = str(error)
        self._check_continuation(said, error)
        if self._change(said):
            return True
        if not says_it_is_loading(said):
            return False
        await self._wait.until_ready(Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "", said, "", {}), error)
        return True

    def _check_continuation(self, said: str, error: ModelError) -> None:
        """Raise a ModelError if the server says that it does not go on with the answer that has been begun."""
        if not self._request.continues:
            return
        needed = self._memory.continuation.fields(self._options.api).keys()
        refused_ones = {field.path[0] for field in refused_fields(said, self._sent_body)}
        if refuses_to_go_on(said) or not needed.isdisjoint(refused_ones):
            self._memory.continuation.refused()
            raise ModelError(ModelErrorKind.NO_CONTINUATION, str(error), status=error.status) from error

    def _change(self, said: str) -> bool:
        """Change the request as the server's message suggests. Returns False if there is nothing to change."""
        return self._shorten(length_refusal(said)) or self._leave_out(said)

    def _shorten(self, refusal: LengthRefusal | None) -> bool:
        if refusal is None or self._shortenings >= MAX_SHORTENINGS:
            return False
        self._shortenings += 1
        return self._memory.window.learn_refusal(refusal, self._sent, self._tool_tokens)

    def _body(self) -> dict[str, Any]:
        request, memory, options = self._request, self._memory, self._options
        tools, self._tool_tokens = tools_that_fit(request.tools, memory.window.size)
        kept = {tool.name for tool in tools}
        left_out = tuple(tool.name for tool in request.tools if tool.name not in kept)
        memory.window.note_tools_left_out(left_out)
        fit = memory.window.fit(request.messages, longest_answer(options), self._tool_tokens)
        self._sent = fit.messages
        self._report_prompt = partial(self._report, fit, tools, left_out)
        more = memory.slots.fields(request.slot, options.api, unfinished=request.unfinished, paid=request.paid)
        messages = fit.messages
        if not self._takes_tools():
            messages, tools = tuple(messages_as_text(messages, tools)), ()
        elif tools and memory.slots.known:
            # Other servers let a model call several tools at once anyway, or don't know the field.
            more["parallel_tool_calls"] = True
        if request.continues:
            more |= memory.continuation.fields(options.api)
        elif memory.size.tiny and memory.slots.known:
            more |= no_repetition(messages)
        body = memory.dialect.applied(
            reply_body(options, messages, fit.max_tokens, more, tools, continues=request.continues)
        )
        for field in self._left_out_fields:
            body = without_field(body, field)
        if self._folds_system:
            body = with_system_folded(body)
        return one_token(body) if request.warming else body

    def _takes_tools(self) -> bool:
        """Whether the request has fields for tools. Otherwise they are written into its messages."""
        refused = self._memory.dialect.refuses(TOOLS) or any(field.path == (TOOLS,) for field in self._left_out_fields)
        return self._options.api is ModelApi.CHAT and not refused

    def _report(self, fit: FittedRequest, tools: Sequence[ToolDescription], left_out: tuple[str, ...]) -> None:
        request = self._request
        given = {id(message) for message in request.messages}
        report = PromptReport(
            self._memory.window.size,
            fit.max_tokens,
            fit.messages,
            tuple(tool.name for tool in tools),
            self._tool_tokens,
            len(request.messages) - len(fit.messages),
            not given.issuperset(map(id, fit.messages)),
            left_out,
        )
        request.progress.fitted(report)

    async def _make_ready(self, refusal: Refusal) -> None:
        """Change the request or wait, so that another attempt may succeed. Raises ModelError if nothing can help."""
        if refusal.status in REQUEST_REFUSED:
            self._check_continuation(refusal.body, refused(self._options, refusal))
            too_large = LengthRefusal() if refusal.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else None
            if self._change(refusal.body) or self._shorten(too_large) or self._leave_out_optional_fields(refusal):
                return
        if may_succeed_later(refusal):
            await self._wait.until_ready(refusal, refused(self._options, refusal))
            return
        raise refused(self._options, refusal)

    # Refused fields.

    def _leave_out(self, said: str) -> bool:
        """Leave out the fields that the server refuses.

        Returns False if the message names no new field, or if there were too many retries already.
        """
        fields = refused_fields(said, self._sent_body)
        if not fields and self._refuses_tools(said):
            fields = (RefusedField((TOOLS,)),)
        roles = not fields and not self._folds_system and refuses_system_role(said) and _has_system(self._sent_body)
        if not fields and not roles:
            return False
        # The error is about other fields now, so the server really refused the fields that were left out before.
        self._remember_left_out_fields()
        if self._field_tries >= MAX_FIELD_RETRIES:
            return False
        self._field_tries += roles or any(field.path[0] not in OPTIONAL_FIELDS for field in fields)
        self._left_out_fields.extend(fields)
        self._folds_system = self._folds_system or roles
        return True

    def _refuses_tools(self, said: str) -> bool:
        """Whether the server refuses tools, or the calls and results of an earlier round, which then become text."""
        messages = self._sent_body.get("messages")
        calls = isinstance(messages, list) and any(message["role"] == "tool" for message in messages)
        return ((calls or TOOLS in self._sent_body) and refuses_tools(said)) or (calls and refuses_calls(said))

    def _leave_out_optional_fields(self, refusal: Refusal) -> bool:
        """Leave out the fields that a reply does not need, if the server does not say what it refuses."""
        optional = sorted(OPTIONAL_FIELDS & self._sent_body.keys())
        if not optional or refusal.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
            return False
        self._left_out_fields.extend(RefusedField((name,)) for name in optional)
        return True

    def _remember_left_out_fields(self) -> None:
        """Remember for later requests which fields were left out of this one."""
        for field in self._left_out_fields:
            self._memory.dialect.learn(field)
        self._left_out_fields.clear()
        if self._folds_system:
            self._memory.dialect.learn_no_system_role()

    # HTTP.

    async def _ask(self, body: Mapping[str, Any]) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout_at(self._request.begin_by):
                return await self._post(body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise unreachable(self._options, error) from error
        except TimeoutError as error:
            raise self._wait.loading_error or too_late(self._options) from error
        except (aiohttp.ClientError, OSError) as error:
            raise model_error(self._options, ModelErrorKind.BROKEN, "hung up instead of answering.") from error

    async def _post(self, body: Mapping[str, Any]) -> aiohttp.ClientResponse:
        url = reply_url(self._options)
        try:
            return await self._connections().post(url, data=self._payload(body), allow_redirects=False)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                raise
            # The server may have closed a kept connection while we were writing to it. A new connection shows whether
            # the server is really gone.
            return await self._connections().post(url, data=self._payload(body), allow_redirects=False)

    def _payload(self, body: Mapping[str, Any]) -> aiohttp.JsonPayload:
        return _ReportedPayload(body, self._was_written)

    def _was_written(self) -> None:
        self._report_prompt()
        self._request.progress.asked()


class _ReportedPayload(aiohttp.JsonPayload):
    """A JSON body that reports that it has been written."""

    def __init__(self, body: Mapping[str, Any], when_written: Callable[[], None]) -> None:
        super().__init__(body)
        self._when_written = when_written

    @override
    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        await super().write_with_length(writer, content_length)
        self._when_written()


def _has_system(body: Mapping[str, Any]) -> bool:
    messages = body.get("messages")
    return isinstance(messages, list) and any(message["role"] == "system" for message in messages)
