"""Who may have the bot come into a voice channel."""

from __future__ import annotations

import discord
from discord.ext import commands

from bot.commands.voice_channel_name import Channel
from bot.user_error import UserError

NO_ENTRANCE = "🔒 {channel} is closed to you, so you can't bring me there either. Name a channel that you may join."


def require_entrance(author: discord.User | discord.Member, channel: Channel, refusal: str = NO_ENTRANCE) -> None:
    """Check that a person may join a channel, so that nobody uses the bot to listen in a channel closed to them.

    Args:
        refusal: what a person is told who sees the channel and may not join it, with a field for the ``channel``.

    Raises:
        UserError: the person may not join the channel.
        ChannelNotFound: the person doesn't see the channel either.
    """
    if not isinstance(author, discord.Member) or author in channel.members:
        return
    allowed = channel.permissions_for(author)
    if not allowed.view_channel:
        raise commands.ChannelNotFound(channel.name)
    if not allowed.connect:
        raise UserError(refusal.format(channel=channel.mention))
