"""Reading one streamed reply off the wire, with the deadlines that a conversation needs."""

from __future__ import annotations

import asyncio
from collections import deque

import aiohttp

from bot.llm.deltas import BrokenDeltaError, Delta, ServerSaidError, error_text, parse_delta
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.failures import model_error, stalled, too_late
from bot.llm.options import ModelOptions
from bot.llm.sse import MAX_EVENT_CHARS, SseEvent, SseOverflowError, SseParser

_LAST_BYTES_WAIT = 0.05
# aiohttp says RuntimeError when the connection was closed under the reader.
_HANG_UPS = (aiohttp.ClientError, OSError, RuntimeError)
_UNSTREAMED_TYPES = frozenset({"application/json", "text/html"})


class ReplyReader:
    """The deltas of one HTTP response. ``begin_by`` is the loop time by which the first one must have come."""

    def __init__(self, response: aiohttp.ClientResponse, options: ModelOptions, begin_by: float) -> None:
        self._response = response
        self._options = options
        self._begin_by = begin_by
        self._begun = False
        self._parser = SseParser()
        self._events: deque[SseEvent] = deque()

    async def read(self) -> Delta | None:
        """The next delta that says, thinks or finishes something; None at the end of the stream.

        Only such deltas count as life: a server that keeps a dead reply open with comments is found out.

        Raises:
            ModelError: the wait was too long, the server hung up, reported an error, or sent nonsense.
        """
        stall_by = asyncio.get_running_loop().time() + self._options.stall_timeout
        deadline = stall_by if self._begun else self._begin_by
        while True:
            while self._events:
                delta = self._parse(self._events.popleft())
                if delta.text or delta.reasoning or delta.finished:
                    self._begun = True
                    return delta
            chunk = await self._read_bytes(deadline)
            if not chunk:
                return None
            if self._response.content_type in _UNSTREAMED_TYPES:
                return await self._whole_answer(chunk, deadline)
            self._events.extend(self._split(chunk))

    async def read_to_end(self) -> None:
        """After the finishing delta: take the last bytes if they come at once, so that the connection can be reused."""
        try:
            async with asyncio.timeout(_LAST_BYTES_WAIT):
                while await self._response.content.readany():
                    pass
        except (TimeoutError, *_HANG_UPS):
            # The reply is whole; all that is lost is a warm connection.
            self._response.close()

    async def _read_bytes(self, deadline: float) -> bytes:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._response.content.readany()
        except TimeoutError as error:
            raise (stalled if self._begun else too_late)(self._options) from error
        except _HANG_UPS as error:
            raise model_error(self._options, ModelErrorKind.BROKEN, "hung up in the middle of its reply.") from error

    async def _whole_answer(self, start: bytes, deadline: float) -> Delta:
        """The reply of a server that answers in one piece although it was asked to stream."""
        body = bytearray(start)
        while chunk := await self._read_bytes(deadline):
            body += chunk
            if len(body) > MAX_EVENT_CHARS:
                raise self._nonsense("an endless body")
        delta = self._parse(SseEvent("message", body.decode("utf-8", "replace")))
        return Delta(delta.text, delta.reasoning, finished=True)

    def _split(self, chunk: bytes) -> list[SseEvent]:
        try:
            return self._parser.feed(chunk)
        except SseOverflowError as error:
            raise self._nonsense(str(error)) from error

    def _parse(self, event: SseEvent) -> Delta:
        try:
            if event.type == "error":
                raise ServerSaidError(error_text(event.data))
            return parse_delta(event.data)
        except BrokenDeltaError as error:
            raise self._nonsense(str(error)) from error
        except ServerSaidError as error:
            raise model_error(
                self._options, ModelErrorKind.SERVER, f"reported an error: {error}".rstrip(": ")
            ) from error

    def _nonsense(self, what: str) -> ModelError:
        return model_error(self._options, ModelErrorKind.BROKEN, f"sent something that is not a reply ({what}).")
