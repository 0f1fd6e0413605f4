"""The ``autonomous`` command: shows or switches the bot's own posts in a channel."""

from __future__ import annotations

from typing import Any, Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.features.autonomous_talk.feature import AutonomousTalk
from bot.user_error import UserError

Context = commands.Context[Any]

WRONG_CHANNEL = "❌ I write without being asked in text channels only."


class AutonomousCommands(commands.Cog, name="Autonomous talk"):
    """Decide where I may write without being asked."""

    def __init__(self, talk: AutonomousTalk) -> None:
        self._talk = talk

    @commands.hybrid_command(
        description="Show whether I sometimes write here without being asked, or turn it on or off.",
        usage="[on|off]",
        brief="write without being asked",
        extras={"example": "on"},
    )
    @commands.guild_only()
    @app_commands.describe(state="on or off. Leave it empty to see the current state.")
    async def autonomous(self, ctx: Context, state: Literal["on", "off"] = commands.parameter(default=None)) -> None:
        """Show whether I sometimes write in this channel without being asked, or turn it on or off."""
        if state is not None:
            await self._switch(ctx.channel, state == "on")
        if await self._talk.opted_in(ctx.channel.id):
            await ctx.send("💭 I sometimes write here without being asked.")
        else:
            await ctx.send("💭 I don't write here without being asked.")

    async def _switch(self, channel: object, on: bool) -> None:
        if not isinstance(channel, discord.TextChannel):
            raise UserError(WRONG_CHANNEL)
        if on:
            await self._talk.opt_in(channel.id)
        else:
            await self._talk.opt_out(channel.id)
