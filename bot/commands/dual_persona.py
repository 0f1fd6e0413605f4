"""The commands about the arguments between persona and twin."""

from __future__ import annotations

import math
from typing import Any, Literal

from discord.ext import commands

from bot.commands.managers import require_guild, say_later
from bot.features.dual_persona.feature import ArgumentError, DualPersona, Mood
from bot.voice.manager import CallError
from bot.work_gate import FeatureHeldError

Context = commands.Context[Any]


class DualPersonaCommands(commands.Cog, name="Dual persona"):
    """Watch how heated it gets, and let the two argue."""

    def __init__(self, dual_persona: DualPersona) -> None:
        self._dual_persona = dual_persona

    @commands.hybrid_command(description="How heated it is here, or whether the two may argue on this server.")
    @commands.guild_only()
    async def bipolar(self, ctx: Context, state: Literal["on", "off"] = commands.parameter(default=None)) -> None:
        """Show how heated it is in this channel, or say whether the two may argue on this server."""
        guild = require_guild(ctx)
        if state is not None:
            await self._dual_persona.set_enabled(guild.id, state == "on")
        await ctx.send(_mood_word(await self._dual_persona.mood(guild.id, ctx.channel.id)))

    @commands.hybrid_command(description="Let the two argue here, now.")
    @commands.guild_only()
    async def argue(self, ctx: Context) -> None:
        """Let the two argue here, now."""
        try:
            self._dual_persona.argue(ctx.channel)
        except ArgumentError as error:
            raise CallError(str(error)) from error
        except FeatureHeldError:
            await say_later(ctx)
            return
        await ctx.send("🎭 There they go.", ephemeral=True)


def _mood_word(mood: Mood) -> str:
    if not mood.enabled:
        return "🎭 Arguments are off on this server."
    heat = f"🎭 It is at {mood.score:.1f} of {mood.threshold:g} in this channel."
    if mood.peace > 0:
        return f"{heat} They have just argued; there is peace for {math.ceil(mood.peace / 60)} min."
    return heat
