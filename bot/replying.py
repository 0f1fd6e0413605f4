"""Replies that arrive although what they reply to was deleted meanwhile, or can't be referred to."""

from __future__ import annotations

from collections.abc import Sequence

import discord

AnyMessage = discord.Message | discord.PartialMessage
"""A message, or the place where one stood."""

ONLY_AUTHOR = discord.AllowedMentions(everyone=False, users=False, roles=False, replied_user=True)
NOBODY = discord.AllowedMentions.none()


async def reply_to(
    message: AnyMessage, content: str, *, ping: bool = True, files: Sequence[discord.File] = ()
) -> discord.Message:
    """Reply to a message; where it is gone by now, or may not be referred to, the words come without the reference.

    Args:
        ping: whether its author is notified; nobody else is.

    Raises:
        discord.HTTPException: nothing can be written there.
    """
    mentions = ONLY_AUTHOR if ping else NOBODY
    reference = discord.MessageReference(message_id=message.id, channel_id=message.channel.id, fail_if_not_exists=False)
    try:
        return await message.channel.send(content, files=files, reference=reference, allowed_mentions=mentions)
    except discord.Forbidden:
        # Who may not read a channel's history may write there, but not reply.
        for file in files:
            file.reset(seek=True)
        return await message.channel.send(content, files=files, allowed_mentions=mentions)
