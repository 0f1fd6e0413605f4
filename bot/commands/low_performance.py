"""The ``low-performance`` command: a simpler voice that needs less of the GPU."""

from __future__ import annotations

from typing import Any, Literal

from discord import app_commands
from discord.ext import commands

from bot.speech_server.client import SpeechServerClient

Context = commands.Context[Any]

NO_SIMPLER = "🐢 Low-performance mode is on, but there is no simpler voice than {engine} here, so it goes on speaking."
LIMITED = "🐢 Today's limit is reached, so {engine} speaks until midnight. After that, low-performance mode is off."


class LowPerformanceCommands(commands.Cog, name="Card"):
    """Use a simpler voice while the graphics card is needed elsewhere."""

    def __init__(self, speech_server: SpeechServerClient) -> None:
        self._speech_server = speech_server

    @commands.hybrid_command(
        name="low-performance",
        description="Use a simpler voice, to free up the graphics card.",
        usage="on|off",
        brief="a simpler voice",
        extras={"example": "on"},
    )
    @commands.guild_only()
    @app_commands.describe(switch="on: the simpler voice; off: my own voice.")
    async def low_performance(self, ctx: Context, switch: Literal["on", "off"]) -> None:
        """Use a simpler voice from my next clause on, to free up the graphics card; or my own voice again."""
        await ctx.defer()
        now = await self._speech_server.set_performance(low=switch == "on")
        if now.spares_nothing:
            await ctx.send(NO_SIMPLER.format(engine=now.engine))
        elif now.limited and switch == "off":
            await ctx.send(LIMITED.format(engine=now.engine))
        else:
            await ctx.send(f"🐢 Low-performance mode is {switch}: {now.engine} speaks.")
