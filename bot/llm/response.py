"""Reads a model server's HTTP response: turns its bytes into the deltas of a reply, within time limits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import aiohttp

from bot.llm.deltas import BrokenDeltaError, Delta, ServerSaidError, error_text, parse_delta
from bot.llm.errors import ModelError, ModelErrorKind, model_error, server_said, stalled, too_late
from bot.llm.requests import ModelOptions
from bot.llm.sse import BARE, ERROR, SseEvent, SseOverflowError, SseParser
from bot.llm.usage import TokenUsage

# The waits for more after an end mark differ, because some servers mark every piece as the last one.
_LAST_BYTES_WAIT = 0.05
"""Seconds to wait if the end mark came alone, after text. Only the last bytes of the response are missing then."""
_MORE_TEXT_WAIT = 0.5
"""Seconds to wait for more text if the end mark came together with text."""
_FIRST_TEXT_WAIT = 2.0
"""Seconds to wait for text if the end mark came before any text."""
# aiohttp raises RuntimeError if the connection was closed while it was read.
_CONNECTION_ERRORS = (aiohttp.ClientError, OSError, RuntimeError)


class ReplyDecoder:
    """Decodes the bytes of a response body to deltas. Pure logic, without input, output or clock.

    It reads event streams, JSON lines, and a complete answer as one JSON object. The format is detected from the bytes.
    The content type is ignored, because servers and proxies often send a wrong one.
    """

    def __init__(self) -> None:
        self.usage: TokenUsage | None = None
        """The token counts that the server reported last; ``None`` if it reported none."""
        self._parser = SseParser()
        self._events: deque[SseEvent] = deque()
        self._ended = False
        self._begun = False
        self._text_in_pieces = False
        self._calls_in_pieces = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            SseOverflowError: an event is too long.
        """
        self._events.extend(self._parser.feed(chunk))

    def finish(self) -> None:
        """End the input.

        Raises:
            SseOverflowError: an event is too long.
        """
        self._ended = True
        self._events.extend(self._parser.finish())

    def next(self) -> Delta | None:
        """The next delta that is not empty; ``None`` if more bytes are needed, or at the end.

        Raises:
            BrokenDeltaError: an event is not part of a reply.
            ServerSaidError: the server reports an error.
        """
        while self._events:
            delta = self._parse(self._events.popleft())
            self.usage = delta.usage or self.usage
            if delta.whole:
                delta = self._without_repetition(delta)
            else:
                self._text_in_pieces = self._text_in_pieces or bool(delta.text)
                self._calls_in_pieces = self._calls_in_pieces or bool(delta.calls)
            if delta.says or delta.reasoning or delta.finished:
                self._begun = True
                return delta
        return None

    def _without_repetition(self, delta: Delta) -> Delta:
        if self._text_in_pieces:
            delta = replace(delta, text="", reasoning="")
        return replace(delta, calls=()) if self._calls_in_pieces else delta

    def _parse(self, event: SseEvent) -> Delta:
        if event.type == ERROR:
            raise ServerSaidError(error_text(event.data))
        if event.type == BARE and not self._begun and _is_plain_text(event.data):
            raise ServerSaidError(error_text(event.data))
        try:
            return parse_delta(event.data)
        except BrokenDeltaError:
            if self._is_dispensable(event):
                return Delta()
            raise

    def _is_dispensable(self, event: SseEvent) -> bool:
        """Whether an unreadable event may be skipped.

        Events may be skipped only at the end of the stream, because the last event may be incomplete. Lines without a
        field name may be skipped only if the reply has begun: such lines after a reply mean nothing.
        """
        if not self._ended:
            return False
        return self._begun or event.type != BARE


def _is_plain_text(body: str) -> bool:
    """Whether a body without events is plain text: neither JSON nor a web page."""
    return body.lstrip()[:1] not in ("{", "[", "<", '"')


class ReplyReader:
    """Reads the deltas of one HTTP response.

    Args:
        begin_by: the event loop's time (``loop.time()``, in seconds) by which the first delta must have come.
        when_counted: called with the token counts of the prompt and the answer, each time that the server reports
            different ones.
    """

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        options: ModelOptions,
        begin_by: float,
        when_counted: Callable[[TokenUsage], None] = lambda _: None,
    ) -> None:
        self._response = response
        self._options = options
        self._begin_by = begin_by
        self._when_counted = when_counted
        self._begun = False
        self._said = False
        """Whether there was text or a tool call."""
        self._end_deadline: float | None = None
        """The event loop's time until which the reader waits for more after an end mark; ``None`` before one."""
        self._trusts_end_marks = True
        """Whether end marks together with text are trusted. False once more text has come after an end mark."""
        self._decoder = ReplyDecoder()
        self._at_end = False

    async def read(self) -> Delta | None:
        """Wait for the next delta that is not empty, and return it; ``None`` at the end of the reply.

        Empty events don't extend the time limit, so the limit also ends a reply in which the server sends only
        comments. After the reply's end mark, the reader waits a short time for more: for text that some servers send
        after their end mark, and for the last bytes, so that the connection can be reused.

        Raises:
            ModelError: the wait was too long, or the server hung up, reported an error or sent something unreadable.
        """
        if self._end_deadline is not None:
            return await self._read_on(self._end_deadline)
        stall_by = asyncio.get_running_loop().time() + self._options.stall_timeout
        deadline = stall_by if self._begun else self._begin_by
        while (delta := self._next()) is None:
            if self._at_end:
                return None
            await self._take_bytes(deadline)
        self._begun = True
        self._note(delta)
        return delta

    def _note(self, delta: Delta) -> None:
        """If the delta has an end mark, decide how long to wait for more."""
        self._said = self._said or delta.says
        if not delta.finished:
            self._end_deadline = None
            return
        if not self._said:
            wait = _FIRST_TEXT_WAIT
        elif not delta.says:
            wait = _LAST_BYTES_WAIT
        else:
            wait = _MORE_TEXT_WAIT if self._trusts_end_marks else self._options.stall_timeout
        self._end_deadline = asyncio.get_running_loop().time() + wait

    async def _read_on(self, deadline: float) -> Delta | None:
        try:
            while True:
                delta = self._next()
                if delta is not None and delta.says:
                    # The end mark came too early, so later end marks that come together with text are not trusted.
                    self._trusts_end_marks = False
                    self._note(delta)
                    return delta
                if delta is not None:
                    deadline = min(deadline, asyncio.get_running_loop().time() + _LAST_BYTES_WAIT)
                elif self._at_end:
                    return None
                else:
                    await self._take_bytes(deadline)
        except ModelError:
            # The reply is complete already. Only a connection that could be reused is lost.
            self._response.close()
            return None

    async def _take_bytes(self, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await self._response.content.readany()
        except TimeoutError as error:
            raise (stalled if self._begun else too_late)(self._options) from error
        except _CONNECTION_ERRORS as error:
            raise model_error(self._options, ModelErrorKind.BROKEN, "hung up in the middle of its reply.") from error
        try:
            if chunk:
                self._decoder.feed(chunk)
            else:
                self._at_end = True
                self._decoder.finish()
        except SseOverflowError as error:
            raise self._broken_response(str(error)) from error

    def _next(self) -> Delta | None:
        before = self._decoder.usage
        try:
            delta = self._decoder.next()
        except BrokenDeltaError as error:
            raise self._broken_response(str(error)) from error
        except ServerSaidError as error:
            raise server_said(self._options, str(error)) from error
        usage = self._decoder.usage
        if usage is not None and usage != before:
            self._when_counted(usage)
        return delta

    def _broken_response(self, what: str) -> ModelError:
        return model_error(self._options, ModelErrorKind.BROKEN, f"sent something that is not a reply ({what}).")
