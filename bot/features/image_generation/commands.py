"""The ``draw`` and ``draw-cancel`` commands."""

from __future__ import annotations

from typing import Any

from discord import app_commands
from discord.ext import commands

from bot.features.image_generation.feature import ImageGeneration

Context = commands.Context[Any]

CANCELLING = "🛑 I stopped drawing."
NO_DRAWING = "❌ I'm not drawing anything for you at the moment."


class DrawingCommands(commands.Cog, name="Drawing"):
    """Have pictures drawn."""

    def __init__(self, images: ImageGeneration) -> None:
        self._images = images

    @commands.hybrid_command(
        description="Draw what you describe.",
        usage="TEXT",
        brief="draw a picture",
        extras={"example": "a cat in the rain"},
    )
    @app_commands.describe(prompt="What to draw.")
    async def draw(self, ctx: Context, *, prompt: str) -> None:
        """Draw what you describe."""
        await ctx.defer()
        await self._images.draw(ctx, prompt)

    @commands.hybrid_command(
        name="draw-cancel", description="Cancel the drawing that you asked for.", brief="cancel your drawing"
    )
    async def draw_cancel(self, ctx: Context) -> None:
        """Cancel the drawing that you asked for."""
        await ctx.send(CANCELLING if self._images.cancel(ctx.author.id) else NO_DRAWING)
