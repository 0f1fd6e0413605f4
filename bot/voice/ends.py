"""What ends a call by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from bot.voice.transport import EndCause, Transport


class Connection(Protocol):
    """Something that may be lost."""

    @property
    def connected(self) -> bool:
        """True while it is there."""
        ...


class CallEnds:
    """Waits for the first end of a call. Belongs to the event loop.

    Args:
        sent_away: returns when somebody who may has asked the bot, aloud, to leave.
        alone_timeout: seconds without any person after which the call ends.
        voiceless_timeout: seconds without the speech server after which it ends.
    """

    def __init__(
        self,
        transport: Transport,
        speech: Connection,
        sent_away: Callable[[], Awaitable[None]],
        alone_timeout: float,
        voiceless_timeout: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._speech = speech
        self._sent_away = sent_away
        self._alone_timeout = alone_timeout
        self._voiceless_timeout = voiceless_timeout
        self._clock = clock

    async def first(self) -> EndCause:
        """Return when the call can't go on: removed from it, sent away, its connection or voice lost, left alone."""
        ends = [
            asyncio.create_task(end, name="end of the call")
            for end in (self._transport.wait_lost(), self._alone(), self._voiceless(), self._asked_to_leave())
        ]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            return next(end for end in ends if end in done).result()
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    async def _alone(self) -> EndCause:
        await self._lasting(lambda: self._transport.people.alone, self._alone_timeout)
        return EndCause.ALONE

    async def _voiceless(self) -> EndCause:
        await self._lasting(lambda: not self._speech.connected, self._voiceless_timeout)
        return EndCause.VOICE_LOST

    async def _asked_to_leave(self) -> EndCause:
        await self._sent_away()
        return EndCause.VOICE_COMMAND

    async def _lasting(self, condition: Callable[[], bool], seconds: float) -> None:
        """Return when the condition has held for ``seconds`` without a break."""
        since: float | None = None
        while True:
            await asyncio.sleep(min(1.0, seconds / 4))
            if not condition():
                since = None
                continue
            since = self._clock() if since is None else since
            if self._clock() - since >= seconds:
                return
