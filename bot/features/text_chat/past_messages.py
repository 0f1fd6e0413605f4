"""Messages of earlier, found again on Discord."""

from __future__ import annotations

import discord

from bot.replying import AnyMessage

_FAR_ENOUGH = 1_000
PLACES = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread | discord.DMChannel
"""Where messages stand."""


async def find_message(client: discord.Client, channel_id: int, message_id: int) -> AnyMessage | None:
    """The message, or the place where it stood; ``None`` where its channel or our access is gone.

    Raises:
        discord.HTTPException: Discord can't say.
    """
    try:
        channel = client.get_channel(channel_id) or await client.fetch_channel(channel_id)
    except (discord.NotFound, discord.Forbidden, discord.InvalidData):
        return None
    if not isinstance(channel, PLACES):
        return None
    try:
        return await channel.fetch_message(message_id)
    except (discord.NotFound, discord.Forbidden):
        return channel.get_partial_message(message_id)


def newest_id(message: AnyMessage) -> int:
    """The newest message of its channel that we know of; an answer that we post from now on has a greater id."""
    return max(getattr(message.channel, "last_message_id", None) or 0, message.id)


async def replies_by(author: discord.abc.User, message: AnyMessage, *, after: int) -> list[discord.Message]:
    """The replies to it that somebody has posted ``after`` another, oldest first; raises ``HTTPException``."""
    later = message.channel.history(limit=_FAR_ENOUGH, after=discord.Object(after), oldest_first=True)
    return [
        reply
        async for reply in later
        if reply.author == author and reply.reference and reply.reference.message_id == message.id
    ]
