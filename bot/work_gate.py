"""The door of a feature: work goes in, unless the feature is held; holding waits for what is inside, then ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_log = logging.getLogger(__name__)

IN_FLIGHT_LIMIT = 10.0
"""Seconds that a call waits for a feature's work in flight."""


class FeatureHeldError(Exception):
    """The feature stands still; nothing was begun."""


class WorkStoppedError(Exception):
    """The feature is to stand still now, and this work took too long: say so to whoever waits for it."""


class WorkGate:
    """A feature's :class:`~bot.lease.Lockable` half; give it to the lease, and do all work inside :meth:`work`.

    Belongs to one event loop.

    Args:
        name: what ``!voice-status`` calls the feature.
        limit: seconds that work in flight may take to end by itself once the feature is held.
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
        """Whether the feature stands still."""
        return self._held

    @asynccontextmanager
    async def work(self) -> AsyncIterator[None]:
        """Do a piece of work in the current task; not one inside another.

        Raises:
            FeatureHeldError: on entering.
            WorkStoppedError: at any ``await`` inside, when a hold has waited long enough.
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
            # Cancelled by us and by nobody else: the task itself goes on, to say so.
            if task.uncancel() > 0:
                raise
            raise WorkStoppedError(self.name) from None
        finally:
            self._inside.discard(task)
            self._stopping.discard(task)
            self._changed.set()

    async def hold(self, reason: str) -> None:
        """Let nothing in any more; returns when nothing is inside. What takes too long is stopped."""
        self._held = True
        if self._inside:
            _log.info("%s is held for %s; %d unfinished task(s)", self.name, reason, len(self._inside))
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
        """Wait until nothing is inside, for so many seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._empty()

    async def _empty(self) -> None:
        while self._inside:
            self._changed.clear()
            await self._changed.wait()

    async def release(self) -> None:
        """Let work in again."""
        self._held = False
