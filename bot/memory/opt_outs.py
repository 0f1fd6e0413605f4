"""Forgets people who opt out of being listened to, because nothing may be kept of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

import aiosqlite

from bot.memory.memory import Memory

_log = logging.getLogger(__name__)

RETRY_SECONDS = 30.0
"""Seconds between two attempts while the database can't be written."""


class ForgetOptedOut:
    """Forgets everything about each person whom it is called with. Use it only on the event loop.

    Calling it only queues the person; :meth:`run` forgets them.

    Args:
        opted_out: people who opted out before. A crash may have come before they were forgotten.
    """

    def __init__(
        self,
        memory: Memory,
        opted_out: Iterable[int] = (),
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._memory = memory
        self._sleep = sleep
        self._people: asyncio.Queue[int] = asyncio.Queue()
        for person in opted_out:
            self._people.put_nowait(person)

    def __call__(self, person: int) -> None:
        """Have a person forgotten. Returns immediately."""
        self._people.put_nowait(person)

    async def run(self) -> None:
        """Forget the queued people, until cancelled."""
        while True:
            person = await self._people.get()
            try:
                await self._memory.forget_all(person)
            except aiosqlite.Error as error:
                _log.warning("A person who opted out can't be forgotten now: %s; trying again", error)
                self._people.put_nowait(person)
                await self._sleep(RETRY_SECONDS)
