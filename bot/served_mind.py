"""The bot's own language model, served by llama.cpp inside the bot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.llm.embedded import EmbeddedModelServer
from bot.llm.try_weights import try_weights
from bot.models.named_mind import EmbeddedMind


@asynccontextmanager
async def served_mind(mind: EmbeddedMind) -> AsyncIterator[EmbeddedModelServer]:
    """Load it and serve it; a file that no checksum covers is tried first.

    Raises:
        RuntimeError, OSError: it can't be loaded.
    """
    if mind.unchecked:
        await try_weights(mind.path)
    async with EmbeddedModelServer(mind.path, name=mind.name) as server:
        yield server
