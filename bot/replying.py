"""Replies that arrive although what they reply to was deleted meanwhile."""

from __future__ import annotations

import discord

AnyMessage = discord.Message | discord.PartialMessage
"""A message, or the place where one stood."""


async def reply_to(message: AnyMessage, content: str, *, ping: bool = True) -> discord.Message:
    """Reply to a message; where it is gone by now, the words come without the reference.

    Args:
        ping: whether its author is notified.

    Raises:
        discord.HTTPException: nothing can be written there.
    """
    reference = discord.MessageReference(message_id=message.id, channel_id=message.channel.id, fail_if_not_exists=False)
    return await message.channel.send(content, reference=reference, mention_author=ping)
