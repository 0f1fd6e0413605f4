"""Reading one streamed reply off the wire, with the deadlines that a conversation needs."""

from __future__ import annotations

import asyncio

import aiohttp

from bot.llm.decoding import ReplyDecoder
from bot.llm.deltas import BrokenDeltaError, Delta, ServerSaidError
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.failures import model_error, stalled, too_late
from bot.llm.options import ModelOptions
from bot.llm.remedies import server_said
from bot.llm.sse import SseOverflowError

# In seconds. Some servers mark every piece as the last one, from the first on.
_LAST_BYTES_WAIT = 0.05
_MORE_TEXT_WAIT = 0.5
_FIRST_TEXT_WAIT = 2.0
# aiohttp says RuntimeError when the connection was closed under the reader.
_HANG_UPS = (aiohttp.ClientError, OSError, RuntimeError)


class ReplyReader:
    """The deltas of one HTTP response. ``begin_by`` is the loop time by which the first one must have come."""

    def __init__(self, response: aiohttp.ClientResponse, options: ModelOptions, begin_by: float) -> None:
        self._response = response
        self._options = options
        self._begin_by = begin_by
        self._begun = False
        self._said = False
        self._over_by: float | None = None
        self._end_marks_mean_something = True
        self._decoder = ReplyDecoder()
        self._at_end = False

    async def read(self) -> Delta | None:
        """The next delta that says, calls, thinks or finishes something; ``None`` at the end of the reply.

        Only such deltas count as life: a server that keeps a dead reply open with comments is found out. After the
        finishing delta, what comes at once is read too: text that a server sends after its own end mark, and the last
        bytes, so that the connection can be reused.

        Raises:
            ModelError: the wait was too long, the server hung up, reported an error, or sent nonsense.
        """
        if self._over_by is not None:
            return await self._read_on(self._over_by)
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
        """Decide until when there may be more, once there was an end mark."""
        self._said = self._said or delta.says
        if not delta.finished:
            self._over_by = None
            return
        if not self._said:
            wait = _FIRST_TEXT_WAIT
        elif not delta.says:
            wait = _LAST_BYTES_WAIT
        else:
            wait = _MORE_TEXT_WAIT if self._end_marks_mean_something else self._options.stall_timeout
        self._over_by = asyncio.get_running_loop().time() + wait

    async def _read_on(self, over_by: float) -> Delta | None:
        try:
            while True:
                delta = self._next()
                if delta is not None and delta.says:
                    # So only the end of the stream is one.
                    self._end_marks_mean_something = False
                    self._note(delta)
                    return delta
                if delta is not None:
                    over_by = min(over_by, asyncio.get_running_loop().time() + _LAST_BYTES_WAIT)
                elif self._at_end:
                    return None
                else:
                    await self._take_bytes(over_by)
        except ModelError:
            # The reply is whole; all that is lost is a warm connection.
            self._response.close()
            return None

    async def _take_bytes(self, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await self._response.content.readany()
        except TimeoutError as error:
            raise (stalled if self._begun else too_late)(self._options) from error
        except _HANG_UPS as error:
            raise model_error(self._options, ModelErrorKind.BROKEN, "hung up in the middle of its reply.") from error
        try:
            if chunk:
                self._decoder.feed(chunk)
            else:
                self._at_end = True
                self._decoder.finish()
        except SseOverflowError as error:
            raise self._nonsense(str(error)) from error

    def _next(self) -> Delta | None:
        try:
            return self._decoder.next()
        except BrokenDeltaError as error:
            raise self._nonsense(str(error)) from error
        except ServerSaidError as error:
            raise server_said(self._options, str(error)) from error

    def _nonsense(self, what: str) -> ModelError:
        return model_error(self._options, ModelErrorKind.BROKEN, f"sent something that is not a reply ({what}).")
