"""The ``bipolar`` and ``argue`` commands."""

from __future__ import annotations

import math
from typing import Any, Literal

from discord import app_commands
from discord.ext import commands

from bot.command_helpers import refuse_during_call, require_guild
from bot.features.dual_persona.feature import DualPersona, Tension
from bot.work_gate import FeatureHeldError

Context = commands.Context[Any]


class DualPersonaCommands(commands.Cog, name="Dual persona"):
    """Arguments between persona and twin."""

    def __init__(self, dual_persona: DualPersona) -> None:
        self._dual_persona = dual_persona

    @commands.hybrid_command(
        description="Show how tense it is here, or allow or forbid arguments with my twin on this server.",
        usage="[on|off]",
        brief="argue with my twin",
        extras={"example": "on"},
    )
    @commands.guild_only()
    @app_commands.describe(state="on: allow arguments here; off: forbid them. Leave it empty to see the current state.")
    async def bipolar(self, ctx: Context, state: Literal["on", "off"] = commands.parameter(default=None)) -> None:
        """Show how tense it is in this channel, or allow or forbid arguments with my twin on this server."""
        guild = require_guild(ctx)
        if state is not None:
            await self._dual_persona.set_enabled(guild.id, state == "on")
        await ctx.send(_tension_text(await self._dual_persona.tension(guild.id, ctx.channel.id)))

    @commands.hybrid_command(description="Start an argument between me and my twin here.", brief="start an argument")
    @commands.guild_only()
    async def argue(self, ctx: Context) -> None:
        """Start an argument between me and my twin here."""
        try:
            self._dual_persona.argue(ctx.channel)
        except FeatureHeldError:
            await refuse_during_call(ctx)
            return
        await ctx.send("🎭 The argument starts.", ephemeral=True)


def _tension_text(tension: Tension) -> str:
    if not tension.enabled:
        return "🎭 Arguments are off for this server."
    text = (
        f"🎭 Arguments are on for this server. Tension in this channel: {tension.score:.1f} of {tension.threshold:g}."
    )
    if tension.cooldown > 0:
        minutes = math.ceil(tension.cooldown / 60)
        return f"{text} The last argument was a short while ago; the next can start in {minutes} min."
    return text
