"""Builds the feature that posts texts and files at set times."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-untyped]

from bot.feature import Feature, FeatureBuilder, FeatureParts
from bot.features.scheduled_events.commands import ScheduleCommands
from bot.features.scheduled_events.feature import ScheduledEvents
from bot.features.scheduled_events.records import ScheduleRecords


async def _build(parts: FeatureParts) -> Feature:
    settings = parts.settings
    zone = ZoneInfo(settings.timezone)
    records = ScheduleRecords(parts.database)
    schedule = ScheduledEvents(parts.client, records, zone, AsyncIOScheduler(timezone=zone))
    commands = ScheduleCommands(schedule, settings.timezone, settings.command_prefix)
    return Feature(schedule, (commands,), schedule.run)


SCHEDULED_EVENTS = FeatureBuilder(_build)
