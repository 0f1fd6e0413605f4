"""Addressing in writing: whether a message is for the bot."""

from __future__ import annotations

import discord

from bot.features.text_chat.open_channels import OpenChannels


def is_for_bot(message: discord.Message, bot: discord.ClientUser | None, open_channels: OpenChannels) -> bool:
    """Whether a message is for the bot.

    These messages are for the bot: direct messages, messages that mention the bot or its role, replies to the bot, and
    all messages in open channels.

    Args:
        bot: the bot's own user; ``None`` while it is not connected.
    """
    channel = message.channel
    if isinstance(channel, discord.DMChannel):
        return True
    if bot in message.mentions or _mentions_own_role(message):
        return True
    replied_to = message.reference.resolved if message.reference is not None else None
    if isinstance(replied_to, discord.Message) and replied_to.author == bot:
        return True
    home = channel.parent if isinstance(channel, discord.Thread) else channel
    return isinstance(home, discord.abc.GuildChannel) and home in open_channels


def _mentions_own_role(message: discord.Message) -> bool:
    """Whether the bot's own role is mentioned. Discord suggests both the bot and its role, so people mention either."""
    role = message.guild.self_role if message.guild is not None else None
    return role is not None and (role in message.role_mentions or role.id in message.raw_role_mentions)
