"""Fixtures: a voice server and the bot's voice client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from audio.opus import load_opus
from tests.voice.discord.voice_house import House


@pytest.fixture
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """With the parameter False, the voice server does not encrypt from end to end (DAVE)."""
    load_opus()
    async with aiohttp.ClientSession() as http:
        house = House(http, dave=getattr(request, "param", True))
        await house.server.start()
        yield house
        for client in house.clients:
            await client.abandon()
        await house.server.stop()
