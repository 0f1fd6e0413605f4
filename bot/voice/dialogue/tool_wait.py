"""The wait of one reply for its tools: when a remark is due, and when the tools may begin."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot.llm.spoken_lines import WaitLength

FIRST_REMARK = 0.6
"""Seconds after which the first remark is due. The wait begins when the model has called its tools."""
REMARK_INTERVAL = 6.0
"""Seconds from one remark to the next."""

Sleep = Callable[[float], Awaitable[None]]
"""Waits for some seconds. Tests use a clock of their own."""

WaitingLine = Callable[[str | None, WaitLength], str]
"""Returns what is said while tools take long. Gets the reply's language, and how long the wait is."""
_LINES = {
    WaitLength.SOON: "One moment.",
    WaitLength.LATER: "I'm still on it.",
    WaitLength.LATE: "I'll tell you when I have it.",
}


def usual_line(_: str | None, wait: WaitLength) -> str:
    """What is said if the persona has no lines of its own."""
    return _LINES[wait]


class ToolWait:
    """Calls ``due`` when a remark is due, from the model's call of tools until the answer goes on.

    If the reply is speculative, its tools do not begin before it is committed, and the wait begins then too.

    Args:
        committed: is set when the reply is committed.
        due: called when a remark is due, with True for the first one of a wait.
        start: starts a task.
    """

    def __init__(
        self,
        committed: asyncio.Event,
        due: Callable[[bool], None],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        sleep: Sleep,
    ) -> None:
        self._committed = committed
        self._due = due
        self._start = start
        self._sleep = sleep
        self._waiting: asyncio.Task[None] | None = None
        self._remarked = False

    async def may_begin(self) -> None:
        """Return when the tools may run. If a speculative reply is discarded, this wait is cancelled with it."""
        await self._committed.wait()

    def tools(self, running: bool) -> None:
        """Note that tools were called, or that all of them are done."""
        if running and self._waiting is None:
            self._remarked = False
            self._waiting = self._start(self._wait())
        elif not running and not self._remarked:
            # Quick tools need no remark. After a remark, the model's first word ends the wait.
            self.end()

    def end(self) -> None:
        """End the wait: the answer goes on, or the reply is over."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    async def _wait(self) -> None:
        await self._committed.wait()
        await self._sleep(FIRST_REMARK)
        self._remarked = True
        self._due(True)
        while True:
            await self._sleep(REMARK_INTERVAL)
            self._due(False)
