"""Sending a request for a reply until the server begins to answer it, with changes and retries where they help."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp

from bot.llm.context_window import ContextWindow
from bot.llm.dialect import Dialect, RefusedField, changed, folded, refused_fields, refuses_system_role
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
from bot.llm.small_model import ModelSize
from bot.llm.thinking import ThinkingHabit

FIRST_PAUSE, MAX_PAUSE = 0.25, 2.0
"""Seconds between two attempts where the server names no time; the pause doubles with each."""

_DELAY_IN_BODY = re.compile(
    r"(?:\"retryDelay\"\s*:\s*\"|(?:try again|retry) in )(?:(?P<minutes>\d{1,4})m(?!s)\s?)?"
    r"(?P<amount>\d{1,9}(?:\.\d{1,9})?)\s?(?P<unit>ms|s)\b",
    re.IGNORECASE,
)
_MILLISECONDS = 1000


def retry_after(headers: Mapping[str, str], body: str, now: datetime) -> float | None:
    """The seconds that the server asks to wait, 0 or more; ``None`` where it says nothing that makes sense.

    ``Retry-After`` holds seconds or a date. Some servers use a header in milliseconds, or say it in the body (Gemini,
    Groq). The number is the server's: whoever waits has a limit of their own.
    """
    milliseconds = _number(headers.get("Retry-After-Ms", ""))
    if milliseconds is not None:
        return milliseconds / _MILLISECONDS
    given = headers.get("Retry-After", "").strip()
    if given:
        seconds = _number(given)
        return seconds if seconds is not None else _until(given, now)
    if found := _DELAY_IN_BODY.search(body):
        amount = float(found["amount"])
        seconds = amount / _MILLISECONDS if found["unit"].lower() == "ms" else amount
        return 60 * int(found["minutes"] or 0) + seconds
    return None


def pause_before(attempt: int) -> float:
    """The seconds to wait before asking again for the ``attempt``-th time, from 1, where the server named none."""
    return min(FIRST_PAUSE * 2.0 ** min(attempt - 1, 16), MAX_PAUSE)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


MAX_FIELD_RETRIES = 3
"""How often a reply is asked for again because of a field."""
MAX_SHORTENINGS = 4
"""How often because of its length."""
MAX_BLIND_WAITS = 3
"""How often when there are too many requests, or a proxy gets no answer, and nobody says until when."""
MAX_LOADING_PAUSE = 5.0
"""Seconds between two looks at a server that loads, however long it wants us to wait."""

_OVERLOADED = 529
_NOT_READY = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_EARLY, _OVERLOADED})
_BEHIND_A_PROXY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
"""A proxy's words for a server that starts anew, or is gone."""
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
"""The statuses with which servers refuse a request for what stands in it."""

_LOADING = re.compile(
    r"\bloading (?:the )?model|model (?:is )?(?:still |currently )?(?:being )?load(?:ing|ed)\b|currently loading"
    r"|still loading|not ready|not loaded yet|warming up",
    re.IGNORECASE,
)

Connections = Callable[[], aiohttp.ClientSession]


@dataclass(frozen=True, slots=True)
class ServerMemory:
    """What one server has told of itself, for one model."""

    dialect: Dialect
    window: ContextWindow
    habit: ThinkingHabit
    size: ModelSize


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """What a reply is asked for. ``begin_by`` is the loop time by which it must have begun.

    ``when_loading`` is called once if the server has been loading for a while. ``warming``: one token is enough.
    """

    options: ModelOptions
    messages: Sequence[ChatMessage]
    begin_by: float
    when_loading: Callable[[], None] | None = None
    warming: bool = False


class RequestSender:
    """One reply, asked for until its stream is open; a context manager.

    :meth:`open` may be called again after :meth:`prepare_retry`.
    """

    def __init__(self, request: ReplyRequest, memory: ServerMemory, connections: Connections) -> None:
        self._request = request
        self._options = request.options
        self._memory = memory
        self._connections = connections
        self._sent: Sequence[ChatMessage] = request.messages
        self._asked: Mapping[str, Any] = {}
        self._tried: list[RefusedField] = []
        self._folding = False
        self._field_tries = 0
        self._shortenings = 0
        self._waits = 0
        self._notice = _LoadingNotice(self._options.loading_notice_after, request.when_loading)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._notice.stop()

    async def open(self) -> aiohttp.ClientResponse:
        """The response of which a reply can be read.

        Raises:
            ModelError: the server can't be reached, refuses, or is not ready in time.
        """
        while True:
            self._asked = self._body()
            response = await self._ask(self._asked)
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
        """As much of the conversation as was sent."""
        return self._sent

    def reply_began(self) -> None:
        """The reply has begun: what was left out for it is what the server does not take."""
        self._confirm_tried()

    async def prepare_retry(self, error: ModelError) -> bool:
        """A server reports an error before its first word: do what may help; False where nothing does.

        Raises:
            ModelError: it is not ready, and will not be in time.
        """
        said = str(error)
        if self._change(said):
            return True
        if not _LOADING.search(said):
            return False
        await self._wait(Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "", said, "", {}), error)
        return True

    def _change(self, said: str) -> bool:
        """Change the request by what the server says of it; False where nothing is left to change."""
        return self._shorten(length_refusal(said)) or self._leave_out(said)

    def _shorten(self, refusal: LengthRefusal | None) -> bool:
        if refusal is None or self._shortenings >= MAX_SHORTENINGS:
            return False
        self._shortenings += 1
        return self._memory.window.learn_refusal(refusal, self._sent)

    def _body(self) -> dict[str, Any]:
        fit = self._memory.window.fit(self._request.messages, longest_answer(self._options))
        self._sent = fit.messages
        body = self._memory.dialect.applied(reply_body(self._options, fit.messages, fit.max_tokens))
        for field in self._tried:
            body = changed(body, field)
        if self._folding:
            body = folded(body)
        return one_token(body) if self._request.warming else body

    async def _make_ready(self, refusal: Refusal) -> None:
        """Do what may help before the server is asked again; raises what it means where nothing does."""
        if refusal.status in REQUEST_REFUSED:
            too_large = LengthRefusal() if refusal.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else None
            if self._change(refusal.body) or self._shorten(too_large):
                return
        if _may_pass(refusal):
            await self._wait(refusal, refused(self._options, refusal))
            return
        raise refused(self._options, refusal)

    # Fields.

    def _leave_out(self, said: str) -> bool:
        """Leave out what the server refuses; False when it names nothing new, or too much."""
        fields = refused_fields(said, self._asked)
        roles = not fields and not self._folding and refuses_system_role(said) and _has_system(self._asked)
        if not fields and not roles:
            return False
        # It no longer complains of what it refused before, so that was refused for good.
        self._confirm_tried()
        if self._field_tries >= MAX_FIELD_RETRIES:
            return False
        self._field_tries += 1
        self._tried.extend(fields)
        self._folding = self._folding or roles
        return True

    def _confirm_tried(self) -> None:
        """Remember what was left out for this reply."""
        for field in self._tried:
            self._memory.dialect.learn(field)
        self._tried.clear()
        if self._folding:
            self._memory.dialect.learn_no_system_role()

    # Waiting.

    async def _wait(self, refusal: Refusal, failure: ModelError) -> None:
        """Wait until the server may be ready; raises ``failure`` at once where nobody can wait so long."""
        self._waits += 1
        if _is_loading(refusal):
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

    # The wire.

    async def _ask(self, body: Mapping[str, Any]) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout_at(self._request.begin_by):
                return await self._post(body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise unreachable(self._options, error) from error
        except TimeoutError as error:
            raise too_late(self._options) from error
        except (aiohttp.ClientError, OSError) as error:
            raise model_error(self._options, ModelErrorKind.BROKEN, "hung up instead of answering.") from error

    async def _post(self, body: Mapping[str, Any]) -> aiohttp.ClientResponse:
        url = reply_url(self._options)
        try:
            return await self._connections().post(url, json=body, allow_redirects=False)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                raise
            # A server may close a kept connection just as we write to it; a new one tells how things really are.
            return await self._connections().post(url, json=body, allow_redirects=False)


class _LoadingNotice:
    """Calls back once, when a server that said that it is loading has been for ``after`` seconds."""

    def __init__(self, after: float, call: Callable[[], None] | None) -> None:
        self._after = after
        self._call = call
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def loading(self) -> None:
        """The server says that it is not ready yet."""
        loop = asyncio.get_running_loop()
        self._since = loop.time() if self._since is None else self._since
        if self._timer is None and self._call is not None:
            self._timer = loop.call_at(self._since + self._after, self._tell)

    def stop(self) -> None:
        """The server is ready, or nobody waits any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()


def _is_loading(refusal: Refusal) -> bool:
    """Whether the server will be ready when its model is; some say so with a status of another meaning."""
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        return False
    return refusal.status in _NOT_READY or _LOADING.search(refusal.body) is not None


def _may_pass(refusal: Refusal) -> bool:
    """Whether the server may answer when it is asked again."""
    return refusal.status in _BEHIND_A_PROXY | {HTTPStatus.TOO_MANY_REQUESTS} or _is_loading(refusal)


def _has_system(body: Mapping[str, Any]) -> bool:
    messages = body.get("messages")
    return isinstance(messages, list) and any(message["role"] == "system" for message in messages)
