"""The ``gpu`` command."""

from __future__ import annotations

from typing import Any, Literal

from discord import app_commands
from discord.ext import commands

from bot.model_router import ModelRouter, NoSuchServerError
from bot.user_error import UserError
from config.types import GpuVendor

Context = commands.Context[Any]

NO_SERVER = (
    "❌ There is no model server on the {card} card. The people who run me can set one with `LLM_URL_{variable}`."
)


class ModelCommands(commands.Cog, name="Models"):
    """Choose the graphics card that runs the language model."""

    def __init__(self, router: ModelRouter) -> None:
        self._router = router

    @commands.hybrid_command(
        description="Show which graphics card writes my answers, or choose it.",
        usage="[nvidia|amd]",
        brief="choose the graphics card",
        extras={"example": "amd"},
    )
    @commands.guild_only()
    @app_commands.describe(card="nvidia or amd. Leave it empty to see the current card.")
    async def gpu(self, ctx: Context, card: Literal["nvidia", "amd"] = commands.parameter(default=None)) -> None:
        """Show which graphics card writes my answers, or choose it."""
        if card is not None:
            try:
                await self._router.prefer(GpuVendor(card))
            except NoSuchServerError as error:
                raise UserError(NO_SERVER.format(card=card, variable=card.upper())) from error
        await ctx.send(self._described())

    def _described(self) -> str:
        router = self._router
        if len(router.cards) == 1:
            return "🖥️ There is only one model server, so there is nothing to choose."
        if router.card is router.preferred:
            return f"🖥️ The {router.preferred} card writes my answers. In calls, the {router.for_calls} card does."
        return f"🖥️ The {router.card} card writes my answers during this call; afterwards, the {router.preferred} card."
