"""Builds the text chat: the feature that answers written messages."""

from __future__ import annotations

from bot.feature import Feature, FeatureBuilder, FeatureParts
from bot.features.text_chat.commands import ChatCommands
from bot.features.text_chat.service import TextChat


async def _build(parts: FeatureParts) -> Feature:
    chat = await TextChat.open(
        parts.client,
        parts.database,
        parts.models,
        parts.characters,
        parts.settings.chat,
        clock=parts.clock,
        small_prompts=parts.small_prompts,
        hear=parts.hear,
        conversations=parts.conversations,
        last_prompts=parts.last_prompts,
        tools=parts.tools,
        recalls=parts.recalls,
    )
    commands = ChatCommands(chat, parts.settings.command_prefix, parts.forget_reminders, parts.forget_notes)
    return Feature(chat, (commands,), resume=chat.resume, close=chat.close)


TEXT_CHAT = FeatureBuilder(_build)
