"""A bot on the sandbox with a database and the cogs of only one feature, and Ada, who writes to the bot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from discord.ext import commands

from bot.client import SeiyuuBot
from bot.database import Database
from bot.store import Store
from sandbox.guest import Guest
from sandbox.server import Sandbox
from sandbox.world.entities import Message
from tests.connected_bot import connected_bot
from tests.guards import make_guard
from tests.timing import LIMIT

CogMaker = Callable[[SeiyuuBot, Database], Awaitable[Sequence[commands.Cog]]]
"""Builds the feature over a bot that is not connected yet, and returns its cogs."""


@dataclass(slots=True)
class FeatureStage:
    """The bot, its sandbox and Ada."""

    sandbox: Sandbox
    bot: SeiyuuBot
    database: Database
    ada: Guest

    async def ask(self, text: str, *, starts: str = "", who: Guest | None = None) -> str:
        """A guest (default: Ada) writes in the general channel. Returns the bot's next message with this beginning."""
        guest = who or self.ada
        await guest.say(self.sandbox.home.general, text)
        return (await self.told(starts, who=guest)).content

    async def told(self, starts: str = "", *, who: Guest | None = None) -> Message:
        """The bot's next message in the general channel after the last message of this guest (default: Ada)."""
        return await (who or self.ada).wait_for_message(
            self.sandbox.home.general, lambda m: m.author.bot and m.content.startswith(starts), LIMIT
        )


@asynccontextmanager
async def feature_stage(
    folder: Path, monkeypatch: pytest.MonkeyPatch, make_cogs: CogMaker, *, sandbox: Sandbox | None = None
) -> AsyncIterator[FeatureStage]:
    """Start the bot. A given ``sandbox`` is not stopped at the end, for tests of a restart."""
    async with _sandbox(sandbox) as place, Database.opened(folder / "seiyuu.sqlite3") as database:
        ada = await place.add_guest("Ada")
        async with connected_bot(
            place, monkeypatch, Store(database), make_guard(), lambda bot: make_cogs(bot, database)
        ) as bot:
            yield FeatureStage(place, bot, database, ada)


@asynccontextmanager
async def _sandbox(running: Sandbox | None) -> AsyncIterator[Sandbox]:
    if running is not None:
        yield running
        return
    async with Sandbox() as sandbox:
        yield sandbox
