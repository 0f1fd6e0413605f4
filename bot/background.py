"""Work that goes on as long as the bot does, and goes on again when it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Self

_log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds between a failure and the next attempt; the pause doubles with each."""
FINISH_LIMIT = 1.0
"""Seconds that what has begun may take to end by itself."""


class BackgroundWork:
    """The tasks of it; an async context manager that ends them all."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._ended = False

    def begin(self, work: Mapping[str, Work]) -> None:
        """Begin each piece of work; ``work`` has their names. After the end nothing begins any more."""
        if self._ended:
            return
        for name, each in work.items():
            self._tasks.append(asyncio.create_task(keep_running(name, each), name=name))

    async def end(self) -> None:
        """End all of it."""
        self._ended = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.end()


async def keep_running(name: str, work: Work, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Do ``work`` until it returns or this is cancelled; where it raises, log it and do it again after a pause."""
    pause = FIRST_PAUSE
    while True:
        try:
            await work()
        except Exception:
            _log.exception("%s failed; trying again in %.0f s", name, pause)
        else:
            return
        await sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


async def undisturbed(work: Coroutine[Any, Any, None]) -> None:
    """Do ``work``; where the current task is cancelled meanwhile, it may end by itself, if it does so soon."""
    doing = asyncio.create_task(work, name="undisturbed work")
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing], timeout=FINISH_LIMIT)
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
        raise
