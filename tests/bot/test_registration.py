"""Tests that a command without a row in the table of rights can't be registered."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from bot.client import SeiyuuBot, connector
from bot.rights import MissingRightError
from bot.store import Store
from tests.guards import make_guard


class Unlisted(commands.Cog):
    """A command without a row in the table."""

    @commands.hybrid_command(description="Sings a song.")
    async def sing(self, ctx: commands.Context[Any]) -> None:
        """Sing a song."""


class UnlistedBelow(commands.Cog):
    """A subcommand without a row, in a group that has one."""

    @commands.hybrid_group(description="The voices.")
    async def voice(self, ctx: commands.Context[Any]) -> None:
        """The voices."""

    @voice.command(description="Steals a voice.")
    async def steal(self, ctx: commands.Context[Any]) -> None:
        """Steal a voice."""


class SlashOnly(commands.Cog):
    """A slash command whose name has a row, but which is not hybrid, so the guard would not check it."""

    @app_commands.command(description="Falls silent.")
    async def stop(self, interaction: discord.Interaction[Any]) -> None:
        """Fall silent."""


async def _ready() -> None:
    return None


@pytest.fixture
def bot() -> SeiyuuBot:
    return SeiyuuBot("!", Mock(spec=Store), _ready, Mock(spec=connector), make_guard())


@pytest.mark.parametrize(
    ("cog", "named"), [(Unlisted, "'sing'"), (UnlistedBelow, "'voice steal'"), (SlashOnly, "'stop'")]
)
async def test_a_cog_with_a_command_that_the_guard_does_not_know_is_refused(
    bot: SeiyuuBot, cog: type[commands.Cog], named: str
) -> None:
    with pytest.raises(MissingRightError, match=named):
        await bot.add_cog(cog())
    assert not bot.cogs
    assert not list(bot.walk_commands())
    assert not bot.tree.get_commands()


async def test_a_context_menu_is_refused_too(bot: SeiyuuBot) -> None:
    async def callback(interaction: discord.Interaction[Any], message: discord.Message) -> None:
        return None

    with pytest.raises(MissingRightError, match="'Read out'"):
        bot.tree.add_command(app_commands.ContextMenu(name="Read out", callback=callback))
