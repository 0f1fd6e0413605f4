"""A queue in front of the database: its items are written in the background, so that no call waits for the disk."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import aiosqlite

Item = TypeVar("Item")

MAX_WAITING = 2_000
"""Maximum number of items of the class ``line`` in a queue. If there are more, the oldest are lost. The log says so."""

_log = logging.getLogger(__name__)


class WriteQueue(Generic[Item]):
    """The queue. Use it only on the event loop. :meth:`run` empties it.

    Args:
        write: writes one item. If it raises :class:`aiosqlite.Error`, the item stays in the queue.
        what: what is written, as the log names it, such as "Conversations".
        line: the class of the items that may be lost (:data:`MAX_WAITING`).
        lines: these items, as the log names them, such as "turns".
        gather: seconds to wait before writing.
        retry: seconds between two attempts while the database can't be written, for example because the disk is full.
        sleep: waits the given seconds.

    Attributes:
        waiting: the items, the oldest first. Whoever deletes something deletes it here too.
        writing: held while something is written. Whoever deletes something from the database holds it too.
    """

    def __init__(
        self,
        write: Callable[[Item], Awaitable[None]],
        *,
        what: str,
        line: type[object],
        lines: str,
        gather: float = 0.0,
        retry: float,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.waiting: deque[Item] = deque()
        self.writing = asyncio.Lock()
        self._write = write
        self._what = what
        self._line, self._lines = line, lines
        self._gather, self._retry = gather, retry
        self._sleep = sleep
        self._more = asyncio.Event()
        self._trouble = False
        self._lost = 0

    def put(self, item: Item) -> None:
        """Queue something that is to be written."""
        if len(self.waiting) >= MAX_WAITING and isinstance(item, self._line):
            places = [place for place, each in enumerate(self.waiting) if isinstance(each, self._line)]
            if len(places) >= MAX_WAITING:
                del self.waiting[places[0]]
                self._lost += 1
        self.waiting.append(item)
        self._more.set()

    async def run(self) -> None:
        """Write the queue whenever something is in it, until cancelled."""
        while True:
            await self._more.wait()
            if self._gather:
                await self._sleep(self._gather)
            if not await self.flush():
                await self._sleep(self._retry)

    async def flush(self) -> bool:
        """Write the queue. Returns False if the database can't be written now; the rest stays in the queue."""
        async with self.writing:
            while self.waiting:
                # The item is removed before it is written. If the write is cancelled, the item is not written twice.
                first = self.waiting.popleft()
                try:
                    await self._write(first)
                except aiosqlite.Error as error:
                    self.waiting.appendleft(first)
                    if not self._trouble:
                        _log.error("%s can't be stored: %s; trying again every %.0f s", self._what, error, self._retry)
                    self._trouble = True
                    return False
            self._more.clear()
            if self._trouble:
                _log.warning("%s are stored again; %d %s are lost", self._what, self._lost, self._lines)
            self._trouble, self._lost = False, 0
            return True
