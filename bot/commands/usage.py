"""The ``usage`` command: what people have used of models, voices and recognisers."""

from __future__ import annotations

from typing import Annotated, Any

import aiosqlite
import discord
from discord import app_commands
from discord.ext import commands
from discord.utils import escape_markdown

from bot.command_helpers import is_manager
from bot.commands.member_name import MemberName
from bot.commands.private_answer import answer_privately
from bot.owners import Owners
from bot.usage.report import UsageReport
from bot.user_error import UserError

Context = commands.Context[Any]

YOURS = "📊 **What you have used**, on all servers"
HERE = "📊 **What this server has used**"
EVERYWHERE = "📊 **What I have used**, for everybody"
OF_PERSON = "📊 **What {name} has used**{where}"
NOT_YOURS = (
    "🔒 Only people who may manage this server can see what others have used. `{prefix}usage` shows your own figures."
)
NOT_READ = "❌ I can't read my database just now. Please try again later."


class UsageCommands(commands.Cog, name="Usage"):
    """See what models, voices and recognisers have done."""

    def __init__(self, report: UsageReport, owners: Owners, prefix: str) -> None:
        self._report = report
        self._owners = owners
        self._prefix = prefix

    @commands.hybrid_command(
        description="What you have used, shown to you alone. Managers also see what the server has used.",
        usage="[@user]",
        brief="what was used",
        extras={"example": "@Ben"},
    )
    @app_commands.describe(member="Whose figures to show. Only for people who may manage this server.")
    async def usage(
        self,
        ctx: Context,
        *,
        # The type has no "| None", because discord.py would then silently ignore an unknown name.
        member: Annotated[discord.Member, MemberName()] = commands.parameter(default=None),
    ) -> None:
        """Show what you have used, in tokens and minutes of speech. Managers also see what the server has used."""
        await ctx.defer(ephemeral=True)
        try:
            await answer_privately(ctx, await self._answer(ctx, member))
        except aiosqlite.Error as error:
            raise UserError(NOT_READ) from error

    async def _answer(self, ctx: Context, member: discord.Member | None) -> str:
        owner = await self._owners.include(ctx.bot, ctx.author.id)
        guild = ctx.guild
        manages = guild is not None and is_manager(ctx.author)
        if member is not None and member.id != ctx.author.id:
            if not (owner or manages):
                raise UserError(NOT_YOURS.format(prefix=self._prefix))
            place = None if owner or guild is None else guild.id
            where = " on this server" if place is not None else ", on all servers"
            title = OF_PERSON.format(name=escape_markdown(member.display_name), where=where)
            return await self._report.of_person(member.id, title, place, f" by {escape_markdown(member.display_name)}")
        parts = [await self._report.of_person(ctx.author.id, YOURS, whose=" by you")]
        if member is None and guild is not None and manages:
            parts.append(await self._report.overview(HERE, guild.id, _mention, " on this server"))
        if member is None and owner:
            parts.append(await self._report.overview(EVERYWHERE, None, _mention))
        return "\n\n".join(parts)


def _mention(person: int) -> str:
    """A mention: Discord shows the name in its place if it knows the person. Nobody is pinged."""
    return f"<@{person}>"
