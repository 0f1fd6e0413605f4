"""The ``reminders`` command: shows people their timers and reminders, and cancels one."""

from __future__ import annotations

from typing import Any, Literal

from discord import app_commands
from discord.ext import commands

from bot.commands.private_answer import answer_privately
from bot.reminders.records import Reminder
from bot.reminders.reminders import Reminders
from bot.text import escape_markdown, shorten
from bot.user_error import UserError

Context = commands.Context[Any]

NONE = "⏰ You have no timers or reminders."
WHICH = "❌ Which one? `{prefix}reminders` shows their numbers."
NOT_YOURS = "❌ You have no timer or reminder with the number {number}. `{prefix}reminders` shows your numbers."
MAX_TEXT = 60
"""Maximum number of characters of a reminder's text in the list."""


class ReminderCommands(commands.Cog, name="Timers and reminders"):
    """See your timers and reminders, and cancel them."""

    def __init__(self, reminders: Reminders, prefix: str) -> None:
        self._reminders = reminders
        self._prefix = prefix

    @commands.hybrid_command(
        description="Show you alone your timers and reminders, or cancel one.",
        usage="[cancel NUMBER]",
        brief="your reminders",
        extras={"example": "cancel 3"},
    )
    @app_commands.describe(action="cancel: cancel one of them.", number="Its number in the list.")
    async def reminders(
        self,
        ctx: Context,
        action: Literal["cancel"] = commands.parameter(default=None),
        number: int = commands.parameter(default=None),
    ) -> None:
        """Show your timers and reminders, which only you see, or cancel one of them by its number."""
        await ctx.defer(ephemeral=True)
        cancels = bool(action)
        await (self._cancel(ctx, number) if cancels else self._show(ctx))

    async def _cancel(self, ctx: Context, number: int) -> None:
        if not number:
            raise UserError(WHICH.format(prefix=self._prefix))
        if await self._reminders.cancel(ctx.author.id, number) is None:
            raise UserError(NOT_YOURS.format(number=number, prefix=self._prefix))
        await ctx.send(f"⏰ Number {number} is cancelled.", ephemeral=True)

    async def _show(self, ctx: Context) -> None:
        found = await self._reminders.of(ctx.author.id)
        if found:
            # Some of them may have been set in private.
            await answer_privately(ctx, _list(found, self._prefix))
        else:
            await ctx.send(NONE, ephemeral=True)


def _list(reminders: list[Reminder], prefix: str) -> str:
    lines = [
        f"`{each.id}` {'⏲️' if each.timer else '⏰'} <t:{each.due_at:.0f}:f>, <t:{each.due_at:.0f}:R>"
        + (f": {escape_markdown(shorten(each.text, MAX_TEXT))}" if each.text else "")
        for each in reminders
    ]
    return "\n".join(["⏰ **Your timers and reminders**", *lines, f"`{prefix}reminders cancel NUMBER` cancels one."])
