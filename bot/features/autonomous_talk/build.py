"""Builds the autonomous talk."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from bot.feature import Feature, FeatureBuilder, FeatureParts
from bot.features.autonomous_talk.commands import AutonomousCommands
from bot.features.autonomous_talk.feature import AutonomousTalk, TalkOptions
from bot.features.autonomous_talk.occasion import QuietHours
from bot.features.autonomous_talk.records import ChannelRecords


async def _build(parts: FeatureParts) -> Feature:
    settings = parts.settings
    quiet = QuietHours.parse(settings.quiet_hours)
    options = TalkOptions(settings.autonomous_minutes, quiet, ZoneInfo(settings.timezone))
    talk = AutonomousTalk(parts.client, ChannelRecords(parts.database), parts.models, parts.characters, options)
    return Feature(talk, (AutonomousCommands(talk),), talk.run, talk.observe)


AUTONOMOUS_TALK = FeatureBuilder(_build)
