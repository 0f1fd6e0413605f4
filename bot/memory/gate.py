"""Keeps facts from being stored after the sentences that they come from were forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ForgettingGate:
    """A lock that lets only one task at a time forget facts or store gathered ones. Use it only on the event loop.

    A sentence may be forgotten while the model looks for facts in it. Then the facts that the model finds are not
    stored.
    """

    def __init__(self) -> None:
        self._passing = asyncio.Lock()
        self._forgotten = 0

    @property
    def mark(self) -> int:
        """A number that changes each time that something is forgotten. Read it before the sentences are read."""
        return self._forgotten

    @asynccontextmanager
    async def forgetting(self) -> AsyncIterator[None]:
        """Hold the gate while the block forgets something."""
        self._forgotten += 1
        async with self._passing:
            yield

    @asynccontextmanager
    async def storing(self, mark: int) -> AsyncIterator[bool]:
        """Hold the gate while the block stores a fact. Yields whether nothing was forgotten since ``mark``."""
        async with self._passing:
            yield mark == self._forgotten
