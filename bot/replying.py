"""Replies that are sent even if the message that they reply to was deleted or can't be referenced."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import discord

AnyMessage = discord.Message | discord.PartialMessage
"""A message, or only its channel and id, in case it was deleted."""

ONLY_AUTHOR = discord.AllowedMentions(everyone=False, users=False, roles=False, replied_user=True)
NOBODY = discord.AllowedMentions.none()


def mentions_of(people: Collection[int], *, author: bool = False) -> discord.AllowedMentions:
    """Permission to notify these people (user ids) and, with ``author``, whoever is replied to; nobody else."""
    users = [discord.Object(person) for person in people]
    return discord.AllowedMentions(everyone=False, users=users or False, roles=False, replied_user=author)


async def reply_to(
    message: AnyMessage,
    content: str,
    *,
    ping: bool = True,
    also: Collection[int] = (),
    files: Sequence[discord.File] = (),
) -> discord.Message:
    """Reply to a message. If it was deleted or can't be referenced, send the text without a reference.

    Args:
        ping: whether the message's author and the people in ``also`` are notified. If not, nobody is.
        also: user ids of other people to notify. They are notified only if the text mentions them.

    Raises:
        discord.HTTPException: nothing can be posted in the channel.
    """
    mentions = mentions_of(also, author=True) if ping else NOBODY
    reference = discord.MessageReference(message_id=message.id, channel_id=message.channel.id, fail_if_not_exists=False)
    try:
        return await message.channel.send(content, files=files, reference=reference, allowed_mentions=mentions)
    except discord.Forbidden:
        # A bot without the right to read a channel's history may write there, but not reply.
        for file in files:
            file.reset(seek=True)
        return await message.channel.send(content, files=files, allowed_mentions=mentions)
