"""The commands about drawing."""

from __future__ import annotations

from typing import Any

import discord
from discord.ext import commands

from bot.features.image_generation.feature import ImageGeneration

Context = commands.Context[Any]

CANCELLING = "🛑 I stop drawing."
NO_DRAWING = "❌ I'm not drawing anything for you."


class DrawingCommands(commands.Cog, name="Drawing"):
    """Have pictures drawn."""

    def __init__(self, images: ImageGeneration) -> None:
        self._images = images

    @commands.hybrid_command(description="I draw what you describe.")
    @discord.app_commands.describe(prompt="What to draw.")
    async def draw(self, ctx: Context, *, prompt: str) -> None:
        """Have me draw what you describe."""
        await ctx.defer()
        await self._images.draw(ctx, prompt)

    @commands.hybrid_command(name="draw-cancel", description="I give up the drawing that you asked for.")
    async def draw_cancel(self, ctx: Context) -> None:
        """Have me give up the drawing that you asked for."""
        await ctx.send(CANCELLING if self._images.cancel(ctx.author.id) else NO_DRAWING)
