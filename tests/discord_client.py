"""Fixtures: the sandbox, and a client of discord.py that is connected to it, without the bot."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import aiohttp
import discord
import pytest
import yarl

from sandbox.server import Sandbox
from tests.timing import LIMIT


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        monkeypatch.setattr(discord.http.Route, "BASE", running.api_url)
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(running.gateway_url))
        yield running


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[discord.Client]:
    tls = ssl.create_default_context(cafile=str(sandbox.ca_file))
    intents, tcp = discord.Intents.default(), aiohttp.TCPConnector(ssl=tls)
    async with discord.Client(intents=intents, connector=tcp, guild_ready_timeout=0.05) as client:
        running = asyncio.create_task(client.start(sandbox.bot_token))
        async with asyncio.timeout(LIMIT):
            while not client.is_ready():
                await asyncio.sleep(0.02)
        yield client
        await client.close()
        await asyncio.gather(running, return_exceptions=True)
