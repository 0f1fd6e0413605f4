"""Converts a command's argument to a member of the server."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from config.spelling import comparable

SEVERAL = "❌ Several people are called `{given}` here. Mention the one you mean, or give their id."
MOST_ASKED = 100
"""Discord is asked for at most this many people whose names begin with the typed name."""


class SeveralMembersError(commands.BadArgument):
    """Several people have this name. ``argument`` is what was typed."""

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        self.argument = argument


class MemberName(app_commands.Transformer, commands.Converter[discord.Member]):
    """Converts a mention, an id, a name (in upper or lower case, also with "@") or a slash command option to a
    member."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        """The type of the slash command option."""
        return discord.AppCommandOptionType.user

    async def transform(self, interaction: discord.Interaction[Any], value: Any, /) -> discord.Member:
        """Convert a slash command option; raises :class:`~discord.app_commands.TransformerError`."""
        if not isinstance(value, discord.Member):
            raise app_commands.TransformerError(value, self.type, self)
        return value

    async def convert(self, ctx: commands.Context[Any], argument: str) -> discord.Member:
        """Convert a typed argument; raises :class:`SeveralMembersError` and ``MemberNotFound``."""
        # A mention that was typed letter by letter, on a telephone for example, is only text.
        name = argument.strip().removeprefix("@").strip()
        try:
            return await commands.MemberConverter().convert(ctx, name)
        except commands.MemberNotFound:
            found = await _called(ctx.guild, name)
        if len(found) > 1:
            raise SeveralMembersError(argument)
        if not found:
            raise commands.MemberNotFound(argument)
        return found[0]


async def _called(guild: discord.Guild | None, name: str) -> list[discord.Member]:
    """The members with this name, in upper or lower case."""
    if guild is None or not (wanted := comparable(name)):
        return []
    seen = {each.id: each for each in (*guild.members, *await guild.query_members(name, limit=MOST_ASKED))}
    return [each for each in seen.values() if wanted in map(comparable, _names(each))]


def _names(member: discord.Member) -> list[str]:
    return [name for name in (member.name, member.global_name, member.nick) if name]
