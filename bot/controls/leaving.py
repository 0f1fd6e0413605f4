"""Leaves a call some time after somebody has asked for that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from bot.voice.call import Call
from bot.voice.manager import CallManager
from bot.voice.transport import EndCause
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

LAST_WORDS = 20.0
"""Maximum number of seconds for which the bot goes on with what it is saying before it leaves."""
_POLL = 0.2


class LateLeaving:
    """Leaves calls after a while. A new plan for a call replaces the one before. Not thread-safe.

    Args:
        manager: ends calls.
        sleep: waits for some seconds.
    """

    def __init__(
        self, manager: CallManager[Call[Any]], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._manager = manager
        self._sleep = sleep
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def planned(self, call: Call[Any]) -> bool:
        """Whether the bot is going to leave a call."""
        return call.id in self._tasks

    def plan(self, call: Call[Any], seconds: float) -> None:
        """Leave ``call`` after this many seconds, once the bot has finished what it is saying."""
        self.cancel(call)
        task = self._tasks[call.id] = asyncio.create_task(self._leave(call, seconds), name="leaving later")
        task.add_done_callback(partial(self._done, call.id))

    def cancel(self, call: Call[Any]) -> bool:
        """Stay in a call. Returns whether the bot was going to leave."""
        task = self._tasks.pop(call.id, None)
        return task is not None and task.cancel()

    async def close(self) -> None:
        """End all tasks."""
        await end_tasks(*self._tasks.values())

    def _done(self, call: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(call) is task:
            del self._tasks[call]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A call could not be left", exc_info=error)

    async def _leave(self, call: Call[Any], seconds: float) -> None:
        await self._sleep(seconds)
        waited = 0.0
        while waited < LAST_WORDS and not call.conversation.floor_free:
            await self._sleep(_POLL)
            waited += _POLL
        if self._manager.is_active(call):
            await self._manager.end(EndCause.VOICE_COMMAND, call=call)
