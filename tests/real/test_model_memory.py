"""The memory of the bot's own model server stays the same, however many conversations it has read."""

from __future__ import annotations

from random import Random

import aiohttp
import psutil

from bot.llm.embedded import EmbeddedModelServer
from bot.own_weights import OwnWeights

WORDS = ("apple", "river", "stone", "cloud", "house")
GROWTH = 15 * 1024**2
"""Largest growth in bytes. A conversation of this test takes 7 MiB while the model reads it."""


async def test_conversations_that_are_over_take_no_memory(weights: OwnWeights) -> None:
    assert weights.llm is not None
    random, program = Random(1), psutil.Process()
    async with EmbeddedModelServer(weights.llm.path, name="mind") as server, aiohttp.ClientSession() as session:

        async def read_conversations(count: int) -> None:
            for _ in range(count):
                text = " ".join(random.choices(WORDS, k=300))
                asked = {"messages": [{"role": "user", "content": text}], "max_tokens": 1}
                async with session.post(f"{server.url}/chat/completions", json=asked) as answer:
                    assert answer.status == 200

        await read_conversations(3)
        before = program.memory_info().rss
        await read_conversations(6)
        assert program.memory_info().rss - before < GROWTH
