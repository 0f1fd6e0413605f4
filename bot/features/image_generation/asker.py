"""Who asks for a drawing: by a message, or by a command, typed or slash."""

from __future__ import annotations

import logging
from typing import Any

import discord
from discord.ext import commands

_log = logging.getLogger(__name__)

Asker = discord.Message | commands.Context[Any]
"""Has an author and a guild, and can be replied to."""

ONLY_AUTHOR = discord.AllowedMentions(everyone=False, users=False, roles=False, replied_user=True)


async def react(asker: Asker, emoji: str) -> None:
    """React to what was typed; a slash command is no message that could be reacted to. Failing is logged."""
    message = asker.message if isinstance(asker, commands.Context) else asker
    if isinstance(asker, commands.Context) and asker.interaction is not None:
        return
    try:
        await message.add_reaction(emoji)
    except discord.HTTPException as error:
        _log.info("Could not react: %s", error)
