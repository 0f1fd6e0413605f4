"""A shop with feeds of figurines, and a bot on the sandbox that polls them."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import discord
import pytest
from discord.ext import commands

from bot.client import SeiyuuBot
from bot.database import Database
from bot.features.figurine_notifier.commands import (
    FigurineCommands,
)
from bot.features.figurine_notifier.feature import FigurineNotifier
from bot.features.figurine_notifier.feeds import FeedRecords
from bot.features.figurine_notifier.subscriptions import SubscriptionRecords
from bot.fetching.fetcher import Fetcher
from config.feature_sections import FigurineSettings
from sandbox.world.entities import Message
from tests.features.feed_server import Entry, FeedServer, Source
from tests.features.stage import FeatureStage, feature_stage
from tests.features.talk import CLOCK_START, written_by_bots
from tests.timing import LIMIT, Clock, wait_until

PERIOD = 1800.0
OLD = Entry("1", "Miku 1/7")
NEW = Entry("2", "Nendoroid Rin", "https://shop.example/rin?a=1&b=2")


@dataclass(slots=True)
class Shop:
    """A bot that polls two feeds, and Ada, who subscribes."""

    stage: FeatureStage
    server: FeedServer
    clock: Clock
    notifier: FigurineNotifier

    @property
    def source(self) -> Source:
        return self.server.source("shop")

    async def restart(self, period: float = PERIOD) -> None:
        """A new feature object with the old database, as after a crash."""
        self.notifier = await notifier(self.stage.bot, self.stage.database, self.server, self.clock, period)

    async def poll_feed(self) -> None:
        """Move the clock until the feed is due. Returns when the bot has polled it and notified people."""
        answers = len(self.source.answered)
        self.clock.pass_by(PERIOD)
        records, url = FeedRecords(self.stage.database), self.server.address("shop")

        async def polled_and_told() -> bool:
            return (await records.feed(url)).next_poll_at > self.clock.now and not await records.pending(url)

        await wait_until(lambda: len(self.source.answered) > answers)
        await wait_until(polled_and_told)

    def written(self, *, privately: bool = False) -> list[str]:
        place = self.stage.ada.dm_channel if privately else self.stage.sandbox.home.general
        return [m.content for m in written_by_bots(self.stage.sandbox, place) if "New:" in m.content]

    async def news(self) -> Message:
        return await self.stage.ada.wait_for_message(
            self.stage.sandbox.home.general, lambda m: m.author.bot and "New:" in m.content, LIMIT
        )


async def notifier(
    bot: discord.Client,
    database: Database,
    server: FeedServer,
    clock: Clock,
    period: float = PERIOD,
) -> FigurineNotifier:
    return FigurineNotifier(
        bot,
        Fetcher(),
        FeedRecords(database),
        SubscriptionRecords(database),
        FigurineSettings((server.address("broken"), server.address("shop")), period / 60),
        clock=clock,
        rng=random.Random(4),
        poll=0.02,
    )


@asynccontextmanager
async def figurine_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """A feed with one old figurine, a feed that always fails, and a bot that ends with the block."""
    clock = Clock(CLOCK_START)
    made: list[FigurineNotifier] = []
    async with FeedServer() as server:

        async def cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
            made.append(await notifier(bot, database, server, clock))
            return [FigurineCommands(made[0], "!")]

        server.source("broken").status = 500
        server.source("shop").rss([OLD])
        async with feature_stage(tmp_path, monkeypatch, cogs) as stage:
            yield Shop(stage, server, clock, made[0])
