"""Keeps facts from being stored after what they come from was forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ForgettingGate:
    """Whoever forgets and whoever stores gathered facts pass it, one at a time. Use it only on the event loop.

    The model may have read a sentence that is forgotten while it answers. What it answers is then not stored.
    """

    def __init__(self) -> None:
        self._passing = asyncio.Lock()
        self._forgotten = 0

    @property
    def mark(self) -> int:
        """A number that changes each time that something is forgotten. Whoever reads sentences keeps it."""
        return self._forgotten

    @asynccontextmanager
    async def forgetting(self) -> AsyncIterator[None]:
        """Held while something is forgotten."""
        self._forgotten += 1
        async with self._passing:
            yield

    @asynccontextmanager
    async def storing(self, mark: int) -> AsyncIterator[bool]:
        """Held while a fact is stored. Yields whether nothing was forgotten since ``mark``."""
        async with self._passing:
            yield mark == self._forgotten
