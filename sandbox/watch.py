"""Waiting for a state of the sandbox: the condition is checked after each event, so that no state is missed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sandbox.world.bus import Event
from sandbox.world.world import World

_T = TypeVar("_T")

HANG_LIMIT = 60.0
"""Seconds that a guest waits by default. It only ends a hang: a busy machine may need long for an answer."""


class Watch:
    """Checks conditions after each event of the world. Use it on one event loop."""

    def __init__(self, world: World) -> None:
        self._waiting: set[asyncio.Future[None]] = set()
        self._unsubscribe = world.subscribe(self._wake)

    def close(self) -> None:
        """Stop checking. Those who still wait are cancelled."""
        self._unsubscribe()
        for future in self._waiting:
            future.cancel()

    async def until(self, probe: Callable[[], _T | None], timeout: float, what: str) -> _T:
        """Wait until ``probe`` returns a value other than ``None``; returns that value.

        Args:
            probe: reads the state; called now and after each event.
            timeout: seconds to wait at most.
            what: a description of the state, for the error.

        Raises:
            TimeoutError: ``probe`` returned ``None`` until the end.
        """
        try:
            async with asyncio.timeout(timeout):
                while True:
                    found = probe()
                    if found is not None:
                        return found
                    await self._next_event()
        except TimeoutError:
            raise TimeoutError(f"{what}: not within {timeout} s") from None

    async def _next_event(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)

    def _wake(self, _event: Event) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
