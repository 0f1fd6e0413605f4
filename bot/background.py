"""Background tasks that are restarted when they fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Self

from config.tasks import end_tasks

_log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]

FIRST_PAUSE = 1.0
"""Seconds between the first failure and the next attempt. The pause doubles with each further failure."""
MAX_PAUSE = 300.0
"""Longest pause before an attempt, in seconds."""
FINISH_LIMIT = 1.0
"""Seconds that work may go on after its task was cancelled. Then the work is cancelled too."""


class BackgroundWork:
    """The background tasks. Leaving this async context manager cancels them."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._ended = False

    def begin(self, work: Mapping[str, Work]) -> None:
        """Start a task for each entry of ``work``, whose keys are the tasks' names. Does nothing after :meth:`end`."""
        if self._ended:
            return
        for name, each in work.items():
            self._tasks.append(asyncio.create_task(keep_running(name, each), name=name))

    async def end(self) -> None:
        """Cancel all tasks and wait for them."""
        self._ended = True
        await end_tasks(*self._tasks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.end()


async def keep_running(name: str, work: Work, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Call ``work`` until it returns. If it raises, log the error and call it again after a pause."""
    pause = FIRST_PAUSE
    while True:
        try:
            await work()
        except Exception:
            _log.exception("%s failed; trying again in %.0f s", name, pause)
        else:
            return
        await sleep(pause)
        pause = min(2 * pause, MAX_PAUSE)


async def finish_within_limit(work: Coroutine[Any, Any, None]) -> None:
    """Await ``work``. If the current task is cancelled, give the work :data:`FINISH_LIMIT` seconds, then cancel it."""
    doing = asyncio.create_task(work, name="work with a time limit")
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing], timeout=FINISH_LIMIT)
        await end_tasks(doing)
        raise
