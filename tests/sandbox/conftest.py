"""Fixtures: a sandbox, and an unmodified discord.py bot that is logged in to it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import aiohttp
import discord
import pytest
from discord.ext import commands

from sandbox.server import Sandbox
from tests.discord_client import sandbox
from tests.timing import LIMIT

__all__ = ["sandbox"]


class Bot(commands.Bot):
    """A plain bot that keeps the messages that others write, and notes when it is ready or has resumed its session."""

    def __init__(self, sandbox: Sandbox, intents: discord.Intents | None = None) -> None:
        context = ssl.create_default_context(cafile=str(sandbox.ca_file))
        super().__init__(
            "!",
            intents=intents or discord.Intents.all(),
            help_command=None,
            connector=aiohttp.TCPConnector(ssl=context),
            guild_ready_timeout=0.05,
        )
        self.read: list[discord.Message] = []
        self.happened: asyncio.Queue[str] = asyncio.Queue()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Skip discord.py's pause of five seconds between two sessions."""

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user:
            self.read.append(message)
        await self.process_commands(message)

    async def on_ready(self) -> None:
        self.happened.put_nowait("ready")

    async def on_resumed(self) -> None:
        self.happened.put_nowait("resumed")

    async def happens(self, what: str) -> None:
        async with asyncio.timeout(LIMIT):
            while await self.happened.get() != what:
                pass

    def sees(self, event: str, check: Callable[..., bool] | None = None) -> Awaitable[object]:
        """Start to watch for an event."""
        return self.wait_for(event, check=check, timeout=LIMIT)


@contextlib.asynccontextmanager
async def logged_in(bot: Bot, sandbox: Sandbox) -> AsyncIterator[Bot]:
    running = asyncio.create_task(bot.start(sandbox.bot_token))
    try:
        ready = asyncio.create_task(bot.happens("ready"))
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            ready.cancel()
            await running
        yield bot
    finally:
        await bot.close()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[Bot]:
    async with logged_in(Bot(sandbox), sandbox) as ready:
        yield ready


Login = Callable[[Bot], AbstractAsyncContextManager[Bot]]


@pytest.fixture
def login(sandbox: Sandbox) -> Login:
    return lambda bot: logged_in(bot, sandbox)
