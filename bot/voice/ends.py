"""Watches for the reasons that end a call.

These are: the bot is alone, a person tells it to leave, a connection is lost, or a part of the call has failed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from bot.voice.transport import EndCause, Transport
from config.sections import CallSettings
from config.tasks import end_tasks

_log = logging.getLogger(__name__)


class ConnectionState(Protocol):
    """A connection that can be lost."""

    @property
    def connected(self) -> bool:
        """Whether the connection is up."""
        ...


class CallEndWatcher:
    """Waits until something ends a call. Use it only on the event loop.

    Args:
        transport: carries the call. It says when the call is lost, and whether the bot is alone.
        speech: the connection to the speech server.
        leave_requested: waits until a permitted person has told the bot by voice to leave.
        settings: the settings of calls, among them the timeouts of a call without people or without speech server.
        clock: returns monotonic seconds.
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

    async def wait(self, running: asyncio.Task[None]) -> EndCause:
        """Wait for the first reason to end the call, and return it.

        Args:
            running: the task that runs the parts of the call. It ends by itself only if a part has failed.
        """
        waited = (
            *(self._transport.wait_lost(), self._alone(), self._without_speech(), self._asked_to_leave()),
            self._part_failed(running),
        )
        ends = [asyncio.create_task(end, name="end of the call") for end in waited]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            return next(end for end in ends if end in done).result()
        finally:
            await end_tasks(*ends)

    @staticmethod
    async def _part_failed(running: asyncio.Task[None]) -> EndCause:
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
