"""Builds the text chat."""

from __future__ import annotations

from bot.feature import Feature, FeatureBuilder, FeatureParts
from bot.features.text_chat.commands import ChatCommands
from bot.features.text_chat.options import ChatOptions
from bot.features.text_chat.service import TextChat


async def _build(parts: FeatureParts) -> Feature:
    settings = parts.settings
    options = ChatOptions(
        channels=settings.chat_channels,
        memory_messages=settings.chat_memory_messages,
        context_messages=settings.chat_context_messages,
    )
    chat = await TextChat.open(
        parts.client,
        parts.database,
        parts.models,
        parts.characters,
        options,
        clock=parts.clock,
        hear=parts.hear,
        conversations=parts.conversations,
    )
    commands = ChatCommands(chat, settings.command_prefix)
    return Feature(chat, (commands,), resume=chat.resume, close=chat.close)


TEXT_CHAT = FeatureBuilder(_build)
