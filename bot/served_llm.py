"""The bot's own language model, served by llama.cpp inside the bot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.llm.embedded import EmbeddedModelServer
from bot.llm.try_weights import try_weights
from bot.models.named_llm import EmbeddedLlm


@asynccontextmanager
async def served_llm(llm: EmbeddedLlm) -> AsyncIterator[EmbeddedModelServer]:
    """Load it and serve it; a file that no checksum covers is tried first.

    Raises:
        RuntimeError, OSError: it can't be loaded.
    """
    if llm.unchecked:
        await try_weights(llm.path)
    async with EmbeddedModelServer(llm.path, name=llm.name) as server:
        yield server
