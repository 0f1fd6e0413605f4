"""What a message says, in plain words."""

from __future__ import annotations

import re

import discord

from bot.llm.cleaning import DiscordNames, clean_prompt


def words_of(message: discord.Message) -> str:
    """A message's words, with names for mentions; "" when it says nothing."""
    return clean_prompt(message.content, _names(message))


def words_to(me: discord.abc.User, message: discord.Message) -> str:
    """The same without a mention of ``me`` at its beginning, which only says whom it is for."""
    addressed = re.sub(rf"^\s*<@!?{me.id}>[\s,:]*", "", message.content)
    return clean_prompt(addressed, _names(message))


def _names(message: discord.Message) -> DiscordNames:
    return DiscordNames(
        users={member.id: member.display_name for member in message.mentions},
        roles={role.id: role.name for role in message.role_mentions},
        channels={channel.id: channel.name for channel in message.channel_mentions},
    )
