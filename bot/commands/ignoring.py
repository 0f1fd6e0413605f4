"""The ``ignore`` command: people whom the bot does not answer in calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import discord
from discord import app_commands
from discord.ext import commands
from discord.utils import escape_markdown

from bot.command_helpers import is_manager, require_guild
from bot.commands.member_name import MemberName
from bot.ignored import IgnoredPeople
from bot.user_error import UserError

Context = commands.Context[Any]

MAX_LISTED = 40
"""Maximum number of people in a list."""
NOBODY = "👂 I don't ignore anybody on this server."
NOT_ME = "❌ I can't ignore myself, and I never answer other bots anyway."
NOT_YOURSELF = "❌ You can't make me ignore you. After `{prefix}optout` I no longer listen to your voice."
NOT_A_MANAGER = "🔒 {name} may manage this server. Only another person who may manage it can make me ignore them."


class IgnoringCommands(commands.Cog, name="People"):
    """Decide whom I answer in calls.

    Args:
        dismiss: stops answering a person in the server's current call. Takes the ids of the server and the person.
    """

    def __init__(self, ignored: IgnoredPeople, dismiss: Callable[[int, int], None], prefix: str) -> None:
        self._ignored = ignored
        self._dismiss = dismiss
        self._prefix = prefix

    @commands.hybrid_command(
        description="Show whom I ignore in calls here, or make me ignore somebody.",
        usage="[@user] [on|off]",
        brief="whom I ignore in calls",
        extras={"example": "@Ben"},
    )
    @commands.guild_only()
    @app_commands.describe(
        member="Whom to ignore, or to answer again.", state="on: ignore them; off: answer them again."
    )
    async def ignore(
        self,
        ctx: Context,
        # The type has no "| None", because discord.py would then silently ignore an unknown name.
        member: Annotated[discord.Member, MemberName()] = commands.parameter(default=None),
        state: Literal["on", "off"] = commands.parameter(default=None),
    ) -> None:
        """Show whom I ignore in calls on this server, make me ignore somebody, or answer them again."""
        await ctx.defer()
        guild, named = require_guild(ctx).id, bool(member)
        if not named:
            await ctx.send(self._list_text(guild), allowed_mentions=discord.AllowedMentions.none())
            return
        name = escape_markdown(member.display_name)
        ignore = state == "on" if state is not None else not self._ignored.include(guild, member.id)
        if not ignore:
            await self._ignored.unignore(guild, member.id)
            await ctx.send(f"👂 I answer **{name}** in calls on this server.")
            return
        self._require_ignorable(ctx, member)
        await self._ignored.ignore(guild, member.id)
        self._dismiss(guild, member.id)
        await ctx.send(
            f"🔇 I don't answer **{name}** in calls on this server any more, and I don't obey their commands there. "
            f"`{self._prefix}ignore {member.mention} off` undoes it.",
            allowed_mentions=discord.AllowedMentions.none(),
        )

    def _list_text(self, guild: int) -> str:
        people = self._ignored.on(guild)
        if not people:
            return NOBODY
        more = f" and {len(people) - MAX_LISTED} more" if len(people) > MAX_LISTED else ""
        return (
            f"🔇 In calls on this server I don't answer {', '.join(f'<@{one}>' for one in people[:MAX_LISTED])}{more}."
        )

    def _require_ignorable(self, ctx: Context, member: discord.Member) -> None:
        if member.bot:
            raise UserError(NOT_ME)
        if member.id == ctx.author.id:
            raise UserError(NOT_YOURSELF.format(prefix=self._prefix))
        if is_manager(member) and not is_manager(ctx.author):
            raise UserError(NOT_A_MANAGER.format(name=escape_markdown(member.display_name)))
