"""Leaving a call some time after somebody asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bot.voice.call import Call
from bot.voice.manager import CallManager
from bot.voice.transport import EndCause

LAST_WORDS = 20.0
"""Maximum number of seconds for which the bot ends what it is saying before it leaves."""
_POLL = 0.2


class LateLeaving:
    """Leaves the current call after a while. A new wish takes the place of the one before. Not thread-safe.

    Args:
        manager: ends calls.
        sleep: waits for some seconds.
    """

    def __init__(
        self, manager: CallManager[Call[Any]], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._manager = manager
        self._sleep = sleep
        self._task: asyncio.Task[None] | None = None

    @property
    def planned(self) -> bool:
        """Whether the bot is going to leave."""
        return self._task is not None and not self._task.done()

    def plan(self, call: Call[Any], seconds: float) -> None:
        """Leave ``call`` after this many seconds, once the bot has finished what it is saying."""
        self.cancel()
        self._task = asyncio.create_task(self._leave(call, seconds), name="leaving later")

    def cancel(self) -> bool:
        """Stay. Returns whether the bot was going to leave."""
        planned = self.planned
        if self._task is not None:
            self._task.cancel()
            self._task = None
        return planned

    async def close(self) -> None:
        """End the task."""
        task = self._task
        if self.cancel() and task is not None:
            await asyncio.gather(task, return_exceptions=True)

    async def _leave(self, call: Call[Any], seconds: float) -> None:
        await self._sleep(seconds)
        waited = 0.0
        while waited < LAST_WORDS and not call.conversation.floor_free:
            await self._sleep(_POLL)
            waited += _POLL
        if self._manager.active is call:
            await self._manager.end(EndCause.VOICE_COMMAND)
