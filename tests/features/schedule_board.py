"""A bot with a schedule on the sandbox, for the tests of scheduled events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from apscheduler.events import (  # type: ignore[import-untyped]
    EVENT_JOB_ERROR,
    EVENT_JOB_EXECUTED,
    JobExecutionEvent,
)
from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-untyped]
from discord.ext import commands

from bot.client import SeiyuuBot
from bot.database import Database
from bot.features.scheduled_events.commands import ScheduleCommands
from bot.features.scheduled_events.feature import ScheduledEvents
from bot.features.scheduled_events.records import EventDraft, ScheduleRecords
from sandbox.world.entities import Channel, Message
from tests.features.stage import FeatureStage, feature_stage
from tests.features.talk import CLOCK_START, let_manage, written_by_bots
from tests.timing import LIMIT, Clock, let_run, wait_until

NOON = "0 12 * * *"


@dataclass(slots=True)
class Board:
    """A bot whose schedule is in UTC. Ada manages the server. The test's clock begins at noon."""

    stage: FeatureStage
    clock: Clock
    events: ScheduledEvents
    scheduler: AsyncIOScheduler

    @property
    def general(self) -> Channel:
        return self.stage.sandbox.home.general

    async def restart(self) -> None:
        """A new feature object with the old database, as after a crash."""
        self.scheduler = AsyncIOScheduler(timezone=UTC)
        records = ScheduleRecords(self.stage.database)
        self.events = ScheduledEvents(self.stage.bot, records, ZoneInfo("UTC"), self.scheduler, clock=self.clock)

    async def add(self, text: str, *, skip: bool = False, cron: str = NOON, channel: Channel | None = None) -> int:
        place = channel or self.general
        draft = EventDraft(self.stage.sandbox.guild.id, place.id, self.stage.ada.id, cron, text, None, skip)
        return (await self.events.add(draft)).event.id

    def fire(self) -> list[str]:
        """Let the scheduler fire all its jobs soon. Returns their ids."""
        jobs = self.scheduler.get_jobs()
        for job in jobs:
            job.modify(next_run_time=datetime.now(UTC))
        return [job.id for job in jobs]

    async def come_due(self) -> None:
        """Let the scheduler fire all its jobs, and wait until shortly after their end."""
        ended: list[str] = []

        def note(event: JobExecutionEvent) -> None:
            ended.append(event.job_id)

        self.scheduler.add_listener(note, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
        fired = self.fire()
        await wait_until(lambda: set(ended) >= set(fired))
        self.scheduler.remove_listener(note)
        await let_run(0.15)

    async def begins_to_post(self) -> None:
        """Wait until the bot has sent a post. The test has told the sandbox to delay this post."""
        await wait_until(lambda: self.stage.sandbox.faults.rest.pending == 0)

    def posted(self, channel: Channel | None = None) -> list[str]:
        return [message.content for message in written_by_bots(self.stage.sandbox, channel or self.general)]

    async def read(self, text: str) -> Message:
        return await self.stage.ada.wait_for_message(self.general, lambda m: m.content == text, LIMIT)


@asynccontextmanager
async def open_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Board]:
    """Run the bot during the block. Nothing comes due by itself: a test that needs this runs ``Board.events.run()``."""
    clock, scheduler = Clock(CLOCK_START), AsyncIOScheduler(timezone=UTC)
    made: list[ScheduledEvents] = []

    async def cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
        records = ScheduleRecords(database)
        made.append(ScheduledEvents(bot, records, ZoneInfo("UTC"), scheduler, clock=clock))
        return [ScheduleCommands(made[0], "UTC", "!")]

    async with feature_stage(tmp_path, monkeypatch, cogs) as stage:
        let_manage(stage.sandbox, stage.ada.id)
        yield Board(stage, clock, made[0], scheduler)
