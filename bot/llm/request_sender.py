"""Sends the request for a reply, and changes or repeats it if that helps, until the server begins to reply."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from typing_extensions import override

from bot.llm.context_window import ContextWindow
from bot.llm.dialect import (
    Dialect,
    RefusedField,
    refused_fields,
    refuses_system_role,
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
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions, longest_answer, one_token, reply_body, reply_url
from bot.llm.retry_pauses import pause_before, retry_after
from bot.llm.slots import OPTIONAL_FIELDS, ServerSlots
from bot.llm.small_model import ModelSize
from bot.llm.thinking import ThinkingHabit
from bot.llm.usage import TokenUsage

MAX_FIELD_RETRIES = 3
"""Maximum number of retries of one request without fields that the server refused."""
MAX_SHORTENINGS = 4
"""Maximum number of retries of one request with a shorter conversation."""
MAX_BLIND_WAITS = 3
"""Maximum number of waits for a server that has too many requests, or that a proxy can't reach, if it does not say
how long to wait.
After these waits, the request fails."""
MAX_LOADING_PAUSE = 5.0
"""Longest pause between two attempts while the server loads its model, in seconds, even if it asks for a longer one."""

# The status of overloaded servers, such as Anthropic's. http.HTTPStatus lacks it.
_OVERLOADED = 529
_NOT_READY = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_EARLY, _OVERLOADED})
_BEHIND_A_PROXY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
"""Statuses with which a proxy answers while the server behind it restarts or is gone."""
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

_LOADING = re.compile(
    r"\bloading (?:the )?model|model (?:is )?(?:still |currently )?(?:being )?load(?:ing|ed)\b|currently loading"
    r"|still loading|not ready|not loaded yet|warming up",
    re.IGNORECASE,
)

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


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """A request for a reply, before it is adapted to the server.

    Attributes:
        begin_by: the event loop's time by which the reply must have begun.
        when_loading: called once if the server has been loading its model for a while.
        warming: whether the request only fills the server's prompt cache, so that a reply of one token is enough.
        unfinished: whether the last message is not complete yet, and no answer is wanted.
        slot: the slot of a llama.cpp server in which the reply is made; ``None`` leaves the choice to the server.
        when_counted: called with the token counts of the prompt, if the server reports them.
        when_asked: called each time that the request was written.
    """

    options: ModelOptions
    messages: Sequence[ChatMessage]
    begin_by: float
    when_loading: Callable[[], None] | None = None
    warming: bool = False
    unfinished: bool = False
    slot: int | None = None
    when_counted: Callable[[TokenUsage], None] | None = None
    when_asked: Callable[[], None] | None = None


class RequestSender:
    """Sends one request until the server begins to reply. Use it as a context manager.

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
        self._left_out_fields: list[RefusedField] = []
        """Fields that are left out of this request, and are remembered once the server accepts it."""
        self._folds_system = False
        """Whether system messages are moved into the user's first message."""
        self._field_tries = 0
        self._shortenings = 0
        self._waits = 0
        self._loading_error: ModelError | None = None
        """The last error with which the server said that it was loading its model."""
        self._notice = _LoadingNotice(self._options.loading_notice_after, request.when_loading)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._notice.stop()

    async def open(self) -> aiohttp.ClientResponse:
        """Send the request, and return the response from which the reply can be read.

        Raises:
            ModelError: the server can't be reached, refuses the request, or is not ready in time.
        """
        while True:
            self._sent_body = self._body()
            response = await self._ask(self._sent_body)
            if response.status == HTTPStatus.OK:
                self._notice.stop()
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
        if error.kind is ModelErrorKind.FIRST_TOKEN_TIMEOUT and self._loading_error is not None:
            raise self._loading_error from error
        if error.kind is not ModelErrorKind.SERVER:
            return False
        said = str(error)
        if self._change(said):
            return True
        if not _LOADING.search(said):
            return False
        await self._wait(Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "", said, "", {}), error)
        return True

    def _change(self, said: str) -> bool:
        """Change the request as the server's message suggests. Returns False if there is nothing to change."""
        return self._shorten(length_refusal(said)) or self._leave_out(said)

    def _shorten(self, refusal: LengthRefusal | None) -> bool:
        if refusal is None or self._shortenings >= MAX_SHORTENINGS:
            return False
        self._shortenings += 1
        return self._memory.window.learn_refusal(refusal, self._sent)

    def _body(self) -> dict[str, Any]:
        fit = self._memory.window.fit(self._request.messages, longest_answer(self._options))
        self._sent = fit.messages
        request = self._request
        more = self._memory.slots.fields(request.slot, self._options.api, unfinished=request.unfinished)
        body = self._memory.dialect.applied(reply_body(self._options, fit.messages, fit.max_tokens, more))
        for field in self._left_out_fields:
            body = without_field(body, field)
        if self._folds_system:
            body = with_system_folded(body)
        return one_token(body) if request.warming else body

    async def _make_ready(self, refusal: Refusal) -> None:
        """Change the request or wait, so that another attempt may succeed. Raises ModelError if nothing can help."""
        if refusal.status in REQUEST_REFUSED:
            too_large = LengthRefusal() if refusal.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else None
            if self._change(refusal.body) or self._shorten(too_large) or self._leave_out_optional_fields(refusal):
                return
        if _may_succeed_later(refusal):
            await self._wait(refusal, refused(self._options, refusal))
            return
        raise refused(self._options, refusal)

    # Refused fields.

    def _leave_out(self, said: str) -> bool:
        """Leave out the fields that the server refuses.

        Returns False if the message names no new field, or if there were too many retries already.
        """
        fields = refused_fields(said, self._sent_body)
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

    # Waiting.

    async def _wait(self, refusal: Refusal, failure: ModelError) -> None:
        """Wait until the server may be ready. Raises ``failure`` immediately if that would take too long."""
        self._waits += 1
        if _is_loading(refusal):
            self._loading_error = failure
            self._notice.loading()
        wanted = retry_after(refusal.headers, refusal.body, datetime.now(UTC))
        pause = pause_before(self._waits)
        if not _is_loading(refusal):
            if refusal.quota_used_up or (wanted is None and self._waits > MAX_BLIND_WAITS):
                raise failure
            pause = max(pause, wanted or 0.0)
        elif wanted is not None:
            pause = min(max(pause, wanted), MAX_LOADING_PAUSE)
        if asyncio.get_running_loop().time() + pause >= self._request.begin_by:
            raise failure
        await asyncio.sleep(pause)

    # HTTP.

    async def _ask(self, body: Mapping[str, Any]) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout_at(self._request.begin_by):
                return await self._post(body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise unreachable(self._options, error) from error
        except TimeoutError as error:
            raise self._loading_error or too_late(self._options) from error
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
        return _ReportedPayload(body, self._request.when_asked)


class _ReportedPayload(aiohttp.JsonPayload):
    """A JSON body that reports when it was written."""

    def __init__(self, body: Mapping[str, Any], when_written: Callable[[], None] | None) -> None:
        super().__init__(body)
        self._when_written = when_written

    @override
    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        await super().write_with_length(writer, content_length)
        if self._when_written is not None:
            self._when_written()


class _LoadingNotice:
    """Calls ``call`` once, when the server has been loading its model for ``after`` seconds."""

    def __init__(self, after: float, call: Callable[[], None] | None) -> None:
        self._after = after
        self._call = call
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def loading(self) -> None:
        """Report that the server is still loading."""
        loop = asyncio.get_running_loop()
        self._since = loop.time() if self._since is None else self._since
        if self._timer is None and self._call is not None:
            self._timer = loop.call_at(self._since + self._after, self._tell)

    def stop(self) -> None:
        """Cancel the notice: the server is ready, or nobody waits any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()


def _is_loading(refusal: Refusal) -> bool:
    """Whether the server is loading its model. Some servers say this with a status that means something else."""
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        return False
    return refusal.status in _NOT_READY or _LOADING.search(refusal.body) is not None


def _may_succeed_later(refusal: Refusal) -> bool:
    """Whether the same request may succeed later."""
    return refusal.status in _BEHIND_A_PROXY | {HTTPStatus.TOO_MANY_REQUESTS} or _is_loading(refusal)


def _has_system(body: Mapping[str, Any]) -> bool:
    messages = body.get("messages")
    return isinstance(messages, list) and any(message["role"] == "system" for message in messages)
