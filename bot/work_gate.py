"""The gate of a feature: refuses new work while the feature is held (paused for a call).

A hold waits for running work, up to a limit. Then it stops what still runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_log = logging.getLogger(__name__)

IN_FLIGHT_LIMIT = 10.0
"""Seconds that a starting call waits for a feature's running work. After that, the work is stopped."""


class FeatureHeldError(Exception):
    """The feature is held. The work was not begun."""


class WorkStoppedError(Exception):
    """The feature is being held, and this work took too long. The person who waits for the work must be told."""


class WorkGate:
    """The part of a feature that implements :class:`~bot.lease.Lockable`. Not thread-safe.

    The feature must do all its work inside :meth:`work`.

    Args:
        name: the feature's name in ``!voice-status``.
        limit: seconds that running work may go on after the feature was held. Then the work is stopped.
    """

    def __init__(self, name: str, *, limit: float = IN_FLIGHT_LIMIT) -> None:
        self.name = name
        self._limit = limit
        self._held = False
        self._inside: set[asyncio.Task[object]] = set()
        self._stopping: set[asyncio.Task[object]] = set()
        self._changed = asyncio.Event()

    @property
    def held(self) -> bool:
        """Whether the feature is held."""
        return self._held

    @property
    def busy(self) -> bool:
        """Whether work is running."""
        return bool(self._inside)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[None]:
        """Context manager for a piece of work in the current task. It can't be nested.

        Raises:
            FeatureHeldError: the feature is held; raised on entering.
            WorkStoppedError: the work took too long, and a hold has cancelled it; raised on leaving.
        """
        if self._held:
            raise FeatureHeldError(self.name)
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("work is done in tasks")
        self._inside.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if task not in self._stopping:
                raise
            # If only `hold` has cancelled the task, the task goes on with an exception that says so.
            if task.uncancel() > 0:
                raise
            raise WorkStoppedError(self.name) from None
        finally:
            self._inside.discard(task)
            self._stopping.discard(task)
            self._changed.set()

    async def hold(self, reason: str) -> None:
        """Refuse new work, and wait for running work. Work that takes too long is stopped."""
        self._held = True
        if self._inside:
            _log.info("%s is paused for %s; %d unfinished task(s)", self.name, reason, len(self._inside))
        try:
            async with asyncio.timeout(self._limit):
                await self._empty()
        except TimeoutError:
            for task in self._inside:
                _log.warning("%s: unfinished work took too long and was stopped", self.name)
                self._stopping.add(task)
                task.cancel()
            await self._empty()

    async def finish(self, limit: float) -> None:
        """Wait until no work is running, at most ``limit`` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._empty()

    async def _empty(self) -> None:
        while self._inside:
            self._changed.clear()
            await self._changed.wait()

    async def release(self) -> None:
        """Accept work again."""
        self._held = False
