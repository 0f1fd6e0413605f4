"""Who asks for a drawing: by a message, or by a command, typed or slash."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import discord
from discord.ext import commands

from bot.replying import ONLY_AUTHOR, reply_to

_log = logging.getLogger(__name__)

Asker = discord.Message | commands.Context[Any]


async def answer(asker: Asker, content: str, files: Sequence[discord.File] = ()) -> discord.Message:
    """Answer with a reply, also where what was replied to is gone by now; raises :class:`discord.HTTPException`."""
    message = _typed(asker)
    if message is None:
        return await asker.reply(content, files=list(files), allowed_mentions=ONLY_AUTHOR)
    return await reply_to(message, content, files=list(files))


async def react(asker: Asker, emoji: str) -> None:
    """React to what was typed. Failing is logged."""
    message = _typed(asker)
    if message is None:
        return
    try:
        await message.add_reaction(emoji)
    except discord.HTTPException as error:
        _log.info("Could not react: %s", error)


def _typed(asker: Asker) -> discord.Message | None:
    """The message; None for a slash command, which is none that could be replied or reacted to."""
    if isinstance(asker, discord.Message):
        return asker
    return asker.message if asker.interaction is None else None
