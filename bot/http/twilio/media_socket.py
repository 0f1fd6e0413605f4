"""``WS /phone/twilio/media``: takes a stream that has a valid one-time token, and has its phone call answered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from functools import partial

import aiohttp
from aiohttp import web

from bot.http.errors import HttpError
from bot.http.queued_client import MAX_ERRORS, QueuedClient
from bot.http.twilio.expected import ExpectedCalls
from bot.http.twilio.line import TwilioLine
from bot.http.twilio.messages import MAX_MESSAGE, Started, StreamError, StreamMessage, read_message
from bot.http.twilio.pending import PendingRequests
from bot.line_budget import LineBudget
from bot.voice.phone.answering import PhoneAnswering
from bot.voice.phone.line import LineEnd
from web_access.socket_messages import KEEPALIVE, MessageRate

PATH = "/phone/twilio/media"
START_LIMIT = 5.0
"""Seconds in which the start of the stream, with its token, has to come."""
MAX_BEFORE_START = 4
"""Largest number of messages before the start. Twilio sends one."""
MAX_LINES = 4
"""If there are this many lines, further callers who could only hear that a call is on get the busy tone instead. A
caller with whom the bot can talk is always answered; the number of valid tokens bounds how many such lines there
are."""

_log = logging.getLogger(__name__)


class StreamClient(QueuedClient):
    """A stream's socket, as :class:`~bot.http.twilio.line.StreamSocket`."""

    def end(self) -> None:
        """Close the socket as soon as everything that waits is sent."""
        self.close(aiohttp.WSCloseCode.OK, "")


class MediaSocket:
    """The endpoint of Twilio's streams.

    Args:
        answering: the service of phone calls.
        expected: the phone calls whose streams are awaited.
        account: id of the account at Twilio; ``None`` if it is not known.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        answering: PhoneAnswering,
        expected: ExpectedCalls,
        account: str | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._answering = answering
        self._expected = expected
        self._account = account
        self._clock = clock
        self._pending = PendingRequests()
        self._refusals = LineBudget(_log, "streams of phone calls that were refused", clock)
        self._lines: dict[str, TwilioLine] = {}

    @property
    def routes(self) -> Iterable[web.RouteDef]:
        """The route of this endpoint."""
        return [web.get(PATH, self._serve)]

    @property
    def full(self) -> bool:
        """Whether a caller who can only be told that a call is on gets the busy tone instead."""
        return len(self._lines) >= MAX_LINES

    def over(self, sid: str) -> None:
        """End the line of a phone call, because Twilio says that the call is over."""
        if (line := self._lines.get(sid)) is not None:
            line.end(LineEnd.CALLER)

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        if not self._expected:
            raise HttpError(403, "not_expected", "No phone call is expected.")
        self._pending.add(request)
        try:
            return await self._open(request)
        finally:
            self._pending.remove(request)

    async def _open(self, request: web.Request) -> web.WebSocketResponse:
        client = await StreamClient.open(request, MAX_MESSAGE)
        async with client.sending():
            await self._talk(client, partial(self._pending.remove, request))
        return client.websocket

    async def _talk(self, client: StreamClient, started_well: Callable[[], None]) -> None:
        try:
            async with asyncio.timeout(START_LIMIT):
                started = await self._start_of(client)
        except (TimeoutError, StreamError) as error:
            if self._refusals.admit():
                _log.info("A stream of a phone call was refused: %s", str(error) or "it has not started in time")
            client.close(aiohttp.WSCloseCode.POLICY_VIOLATION, "refused")
            return
        if started is None:
            client.end()
            return
        started_well()
        number, message = started
        sid = message.start.call_sid
        line = self._lines[sid] = TwilioLine(number, message.stream_sid, client, clock=self._clock)
        answering = asyncio.create_task(self._answering.answer(line), name="twilio: answer")
        answering.add_done_callback(lambda _: line.end(LineEnd.BOT))
        watching = asyncio.create_task(line.watch(), name="twilio: watch")
        try:
            await self._receive(client, line)
            line.end(LineEnd.LOST)
            await asyncio.wait([answering])
        finally:
            line.end(LineEnd.LOST)
            del self._lines[sid]
            for task in (answering, watching):
                task.cancel()
            for failed in await asyncio.gather(answering, watching, return_exceptions=True):
                if isinstance(failed, Exception):
                    _log.error("A phone call could not be answered", exc_info=failed)

    async def _start_of(self, client: StreamClient) -> tuple[str, Started] | None:
        """Wait for the start. Returns the caller's number too; ``None`` if the client is gone.

        Raises:
            StreamError: the token is not valid, or something else came.
        """
        for _ in range(MAX_BEFORE_START):
            if (received := await client.receive()) is None:
                return None
            message = None if received.type in KEEPALIVE else _read(received)
            if isinstance(message, Started):
                return self._admit(message), message
        raise StreamError("there is no start among its first messages")

    def _admit(self, message: Started) -> str:
        """Check the token. Returns the caller's number; raises :class:`StreamError`."""
        start = message.start
        call = self._expected.take(message.token, start.call_sid)
        if call is None or start.account_sid not in (None, self._account or start.account_sid):
            raise StreamError("its token is not valid")
        return call.number

    async def _receive(self, client: StreamClient, line: TwilioLine) -> None:
        """Pass messages to the line, until the client is gone or sends what Twilio would not send."""
        rate, errors = MessageRate(self._clock), 0
        while (received := await client.receive()) is not None:
            if not rate.take() or errors > MAX_ERRORS:
                _log.warning("A stream of a phone call sends too many messages, or too many that are not valid")
                client.close(aiohttp.WSCloseCode.POLICY_VIOLATION, "too many messages")
                return
            if received.type in KEEPALIVE:
                continue
            try:
                if (message := _read(received)) is not None:
                    line.receive(message)
                errors = 0
            except StreamError as error:
                if received.type is aiohttp.WSMsgType.ERROR:
                    _log.warning("A stream of a phone call has ended: %s", error)
                    return
                errors += 1
                _log.debug("A message of a phone call was ignored: %s", error)


def _read(received: aiohttp.WSMessage) -> StreamMessage | None:
    """Read a message; raises :class:`StreamError`."""
    if received.type is aiohttp.WSMsgType.ERROR:
        # aiohttp closes the socket after that.
        raise StreamError(_broken(received.data))
    if received.type is not aiohttp.WSMsgType.TEXT:
        raise StreamError("the message is not text")
    return read_message(received.data)


def _broken(error: object) -> str:
    """Why aiohttp could not read a message."""
    big = isinstance(error, aiohttp.WebSocketError) and error.code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    return f"a message is longer than {MAX_MESSAGE // 1024} KB" if big else "a message is no message of a WebSocket"
