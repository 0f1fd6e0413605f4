"""Builds the feature that answers with voice messages."""

from __future__ import annotations

from bot.access import RateLimit
from bot.feature import Feature, FeatureBuilder, FeatureParts
from bot.features.voice_messages.commands import VoiceMessageCommands
from bot.features.voice_messages.feature import VoiceMessages


async def _build(parts: FeatureParts) -> Feature:
    rate = RateLimit(parts.settings.chat.rate)
    voice_messages = VoiceMessages(parts.client, parts.say, rate)
    return Feature(voice_messages, (VoiceMessageCommands(voice_messages),))


VOICE_MESSAGES = FeatureBuilder(_build)
