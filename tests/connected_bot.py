"""The bot's client on the sandbox, with only the commands that a test names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import discord
import pytest
import yarl
from discord.ext import commands

from bot.client import SeiyuuBot, connector
from bot.guard import Guard
from bot.store import Store
from sandbox.server import Sandbox
from tests.authorities import trust_no_authorities
from tests.timing import LIMIT


@asynccontextmanager
async def connected_bot(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    store: Store,
    guard: Guard,
    make_cogs: Callable[[SeiyuuBot], Awaitable[Sequence[commands.Cog]]],
) -> AsyncIterator[SeiyuuBot]:
    """The client, once it is ready.

    Args:
        make_cogs: called before the client connects; returns its commands.
    """
    ready = asyncio.Event()

    async def when_ready() -> None:
        ready.set()

    trust_no_authorities(monkeypatch)
    monkeypatch.setattr(discord.http.Route, "BASE", sandbox.api_url)
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(sandbox.gateway_url))
    bot = SeiyuuBot("!", store, when_ready, connector(sandbox.ca_file), guard)
    bot._connection.guild_ready_timeout = 0.05
    await bot.add_cogs(await make_cogs(bot))
    running = asyncio.create_task(bot.start(sandbox.bot_token))
    try:
        async with asyncio.timeout(LIMIT):
            await ready.wait()
        yield bot
    finally:
        await bot.close()
        await asyncio.gather(running, return_exceptions=True)
