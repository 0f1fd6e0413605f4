"""The fixture of a voice server that the bot's voice client can join."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from audio.opus import load_opus
from tests.voice.discord.voice_house import House


@pytest.fixture
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """A started voice server. With the parameter False, it does not encrypt from end to end (DAVE)."""
    load_opus()
    async with aiohttp.ClientSession() as http:
        house = House(http, dave=getattr(request, "param", True))
        await house.server.start()
        yield house
        for client in house.clients:
            await client.abandon()
        await house.server.stop()
