"""Whose turn it is at an engine: whoever's listener runs out of sound first."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class _Waiter:
    due: float
    turn: asyncio.Future[None]


class FairQueue:
    """Earliest due date first, among those who wait; a turn that has begun is not broken off. For the event loop alone.

    Args:
        places: how many may have their turn at once.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: list[_Waiter] = []

    async def enter(self, due: float) -> float:
        """Wait for a turn, to be ended with :meth:`leave`.

        Args:
            due: when the listener has nothing left to hear; any clock, the same for all.

        Returns:
            When the first of those who still wait is due; infinity where nobody waits.
        """
        waiter = _Waiter(due, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._next()
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            if not waiter.turn.cancelled():
                # The turn had come, and nobody takes it.
                self.leave()
            raise
        return min((other.due for other in self._waiting), default=math.inf)

    def leave(self) -> None:
        """End a turn."""
        self._free += 1
        self._next()

    def _next(self) -> None:
        while self._free and self._waiting:
            waiter = min(self._waiting, key=lambda one: one.due)
            self._waiting.remove(waiter)
            if not waiter.turn.done():
                self._free -= 1
                waiter.turn.set_result(None)
