"""The ``release`` command: resumes a feature that is still paused after a call."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.calls import Calls

Context = commands.Context[Any]


class LeaseCommands(commands.Cog, name="Features"):
    """Resume features that are still paused after a call."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @commands.hybrid_command(
        description="Resume a feature that is still paused after a call.",
        usage="FEATURE",
        brief="resume a feature",
        extras={"example": "vision"},
    )
    @commands.guild_only()
    @app_commands.describe(feature="Its name, as voice-status shows it.")
    async def release(self, ctx: Context, *, feature: str) -> None:
        """Resume a feature that is still paused after a call. `{prefix}voice-status` lists these features."""
        await ctx.defer()
        freed = await self._calls.free(feature.strip())
        text = (
            f"✅ {feature} works again."
            if freed
            else f"⚠️ {feature} still doesn't work. I keep trying; the log says why."
        )
        await ctx.send(text, allowed_mentions=discord.AllowedMentions.none())
