"""Builds autonomous talk, the feature with which the bot posts without being asked."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from bot.feature import Feature, FeatureBuilder, FeatureParts
from bot.features.autonomous_talk.commands import AutonomousCommands
from bot.features.autonomous_talk.feature import AutonomousTalk
from bot.features.autonomous_talk.records import ChannelRecords


async def _build(parts: FeatureParts) -> Feature:
    settings = parts.settings
    records, zone = ChannelRecords(parts.database), ZoneInfo(settings.timezone)
    talk = AutonomousTalk(parts.client, records, parts.models, parts.characters, settings.autonomous, zone)
    return Feature(talk, (AutonomousCommands(talk),), talk.run, talk.observe)


AUTONOMOUS_TALK = FeatureBuilder(_build)
