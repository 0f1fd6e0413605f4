"""Finds earlier messages on Discord."""

from __future__ import annotations

import discord

from bot.replying import AnyMessage

_MAX_SEARCHED = 1_000
"""Maximum number of messages that are searched for replies."""
MESSAGE_CHANNELS = (
    discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread | discord.DMChannel
)
"""The kinds of channels that have messages."""


async def find_message(client: discord.Client, channel_id: int, message_id: int) -> AnyMessage | None:
    """A message by its ids.

    Returns:
        the message; a partial message if it was deleted; ``None`` if the channel was deleted or can't be read.

    Raises:
        discord.HTTPException: Discord failed, so it is unknown whether the message exists.
    """
    try:
        channel = client.get_channel(channel_id) or await client.fetch_channel(channel_id)
    except (discord.NotFound, discord.Forbidden, discord.InvalidData):
        return None
    if not isinstance(channel, MESSAGE_CHANNELS):
        return None
    try:
        return await channel.fetch_message(message_id)
    except (discord.NotFound, discord.Forbidden):
        return channel.get_partial_message(message_id)


def newest_id(message: AnyMessage) -> int:
    """The id of the newest message that is known in the channel of ``message``. All later messages have greater ids."""
    return max(getattr(message.channel, "last_message_id", None) or 0, message.id)


async def replies_by(author: discord.abc.User, message: AnyMessage, *, after: int) -> list[discord.Message]:
    """An author's replies to ``message`` with ids greater than ``after``, oldest first; raises ``HTTPException``."""
    later = message.channel.history(limit=_MAX_SEARCHED, after=discord.Object(after), oldest_first=True)
    return [
        reply
        async for reply in later
        if reply.author == author and reply.reference and reply.reference.message_id == message.id
    ]
