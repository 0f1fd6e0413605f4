"""Helpers for commands on servers."""

from __future__ import annotations

from typing import Any

import discord
from discord.ext import commands

from bot.access import Permit

_MANAGERS = Permit.parse("managers")


def is_manager(person: discord.Member | discord.User) -> bool:
    """Whether a member may manage their server."""
    return _MANAGERS.allows(person)


def require_guild(ctx: commands.Context[Any]) -> discord.Guild:
    """The server on which a command is used; raises ``NoPrivateMessage`` in a direct message."""
    if ctx.guild is None:
        raise commands.NoPrivateMessage
    return ctx.guild


async def refuse_during_call(ctx: commands.Context[Any]) -> None:
    """Tell the user of a slash command, and nobody else, that a call is on. Typed commands get no answer."""
    if ctx.interaction is not None:
        await ctx.send("🎤 Not now, I'm talking in voice chat. Ask me again after I leave.", ephemeral=True)
