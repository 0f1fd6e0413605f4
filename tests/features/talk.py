"""Helpers for tests of features that write: characters, a clock, and a message router."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import discord
from discord.ext import commands

from bot.llm.personas import Persona, load_persona
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.world.entities import Channel, Guild, Message
from sandbox.world.permissions import Permission
from tests.timing import LIMIT

_PERSONA = """
name: {name}
description: You are {name}, of whom only this test knows.
moods: {{calm: at ease.}}
default_mood: calm
model: {name}-model
"""


def character(folder: Path, name: str) -> Persona:
    """A persona from its own file, with its own model."""
    (folder / f"{name}.yaml").write_text(_PERSONA.format(name=name), encoding="utf-8")
    return load_persona(name, folder)


class Router(commands.Cog):
    """Passes every message that is not a command to a feature, like the bot's router."""

    def __init__(self, observe: Callable[[discord.Message], Awaitable[None]]) -> None:
        self._observe = observe
        self._seen: set[int] = set()
        self._news = asyncio.Condition()

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        if not message.content.startswith("!"):
            await self._observe(message)
        async with self._news:
            self._seen.add(message.id)
            self._news.notify_all()

    async def observed(self, message: Message) -> None:
        """Wait until the feature has processed the message."""
        async with asyncio.timeout(LIMIT), self._news:
            await self._news.wait_for(lambda: message.id in self._seen)


@asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    """Run a feature's ``run`` while the block runs. Its errors are raised here."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        done = await asyncio.gather(task, return_exceptions=True)
        if isinstance(done[0], Exception):
            raise done[0]


def let_manage(sandbox: Sandbox, user: int, guild: Guild | None = None) -> None:
    """Give a guest the right to manage a server (default: the sandbox's server)."""
    directory, where = sandbox.world.directory, guild or sandbox.guild
    role = directory.add_role(where, "Managers", Permission.MANAGE_GUILD)
    directory.give_role(where, user, role.id)


def let_own(sandbox: Sandbox, guest: Guest) -> None:
    """Make a guest the owner of the bot's application."""
    sandbox.home.bot.owner = guest.user


def written_by_bots(sandbox: Sandbox, channel: Channel) -> list[Message]:
    """All messages of bots and webhooks in a channel, oldest first."""
    everything = sandbox.world.messages.seen_by(sandbox.home.owner.id, channel.id)
    return [message for message in everything if message.author.bot]


CLOCK_START = 1_800_014_400.0
"""Noon of 15 January 2027 in UTC, in seconds since 1970."""
