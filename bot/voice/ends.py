"""What ends a call by itself."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from bot.voice.transport import EndCause, Transport
from config.sections import CallSettings

_log = logging.getLogger(__name__)


class ConnectionState(Protocol):
    """Something that may be lost."""

    @property
    def connected(self) -> bool:
        """True while it is there."""
        ...


class CallEndWatcher:
    """Waits for the first end of a call. Belongs to the event loop.

    Args:
        leave_requested: returns when somebody who may has asked the bot, aloud, to leave.
        settings: after how long without people, or without the speech server, the call ends.
    """

    def __init__(
        self,
        transport: Transport,
        speech: ConnectionState,
        leave_requested: Callable[[], Awaitable[None]],
        settings: CallSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._speech = speech
        self._leave_requested = leave_requested
        self._settings = settings
        self._clock = clock

    async def first(self, running: asyncio.Task[None]) -> EndCause:
        """Return when the call can't go on: removed from it, sent away, its connection or voice lost, left alone.

        What is ``running`` in it does not end by itself, but where a part of it has failed.
        """
        waited = (
            *(self._transport.wait_lost(), self._alone(), self._without_speech(), self._asked_to_leave()),
            self._failed(running),
        )
        ends = [asyncio.create_task(end, name="end of the call") for end in waited]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            return next(end for end in ends if end in done).result()
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    @staticmethod
    async def _failed(running: asyncio.Task[None]) -> EndCause:
        await asyncio.wait([running])
        _log.error("A part of the call ended by itself", exc_info=running.exception())
        return EndCause.FAILURE

    async def _alone(self) -> EndCause:
        await self._wait_until_lasting(lambda: self._transport.people.alone, self._settings.alone_timeout)
        return EndCause.ALONE

    async def _without_speech(self) -> EndCause:
        await self._wait_until_lasting(lambda: not self._speech.connected, self._settings.voiceless_timeout)
        return EndCause.VOICE_LOST

    async def _asked_to_leave(self) -> EndCause:
        await self._leave_requested()
        return EndCause.VOICE_COMMAND

    async def _wait_until_lasting(self, condition: Callable[[], bool], seconds: float) -> None:
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
