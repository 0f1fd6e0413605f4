"""Tests of the texts about commands: descriptions of slash commands, the help, and the syntax."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, cast, get_args, get_origin
from unittest.mock import AsyncMock

import pytest
from discord import app_commands
from discord.ext import commands

from bot.commands.help import GROUPS, HelpCommands
from bot.rights import RIGHTS
from bot.text import MESSAGE_LIMIT
from tests.bot.all_commands import bot_with_every_command

MAX_DESCRIPTION = 100
"""Discord's limit."""


async def test_every_slash_command_and_every_option_is_described() -> None:
    bot = await bot_with_every_command()
    described = {command.qualified_name for command in bot.walk_commands()}
    assert described == set(RIGHTS), "the walk has seen every command"
    nothing_said = [
        f"{command.qualified_name} {parameter.display_name}"
        for command in bot.tree.walk_commands()
        if isinstance(command, app_commands.Command)
        for parameter in command.parameters
        if len(str(parameter.description)) < 5
    ]
    assert nothing_said == []
    for command in bot.tree.walk_commands():
        assert 10 <= len(command.description) <= MAX_DESCRIPTION, command.qualified_name


async def test_the_syntax_of_a_command_has_an_example_and_no_quotes() -> None:
    bot = await bot_with_every_command()
    for command in bot.walk_commands():
        name = command.qualified_name
        assert not set("\"'<>=") & set(command.signature), f"{name} {command.signature}"
        if command.clean_params and not isinstance(command, commands.Group):
            assert command.usage, name
            assert command.extras.get("example"), name


async def test_every_example_is_accepted_by_its_command() -> None:
    """Only fixed choices are checked. The other arguments need a server."""
    bot = await bot_with_every_command()
    checked = 0
    for command in bot.walk_commands():
        converters = [parameter.converter for parameter in command.clean_params.values()]
        if len(converters) == 1 and get_origin(converters[0]) is Literal:
            choices = get_args(converters[0])
            assert command.extras["example"] in choices, command.qualified_name
            assert command.signature.strip("[]") == "|".join(choices), command.qualified_name
            checked += 1
    assert checked >= 8


@pytest.mark.parametrize("prefix", ["!", "seiyuu, "])
async def test_the_help_lists_every_command_once_below_its_heading(prefix: str) -> None:
    bot = await bot_with_every_command(prefix)
    pages = await _help(bot)
    lines = "\n".join(pages).split("\n")
    for command in bot.commands:
        typed = f"`{prefix}{command.qualified_name}"
        assert sum(line.startswith((f"{typed} ", f"{typed}`")) for line in lines) == 1, command.qualified_name
    assert all(len(page) <= MESSAGE_LIMIT for page in pages)
    assert not any(page.split("\n")[-1].startswith("**") for page in pages), "no page ends with a heading"
    assert len(pages) == 1 or len(prefix) > 1


async def test_every_heading_of_the_help_has_commands_and_no_command_is_left_over() -> None:
    bot = await bot_with_every_command()
    grouped = [name for _, members in GROUPS for name in members]
    assert sorted([*grouped, "help"]) == sorted(command.name for command in bot.commands)


async def test_the_help_explains_one_command_with_an_example() -> None:
    bot = await bot_with_every_command("?")
    assert (await _help(bot, "volume"))[0].split("\n") == [
        "`?volume [0-200] [music|sounds]`",
        "Show how loud I speak, or set it: 0 to 200 percent. With `music` or `sounds`, the same for those.",
        "Example: `?volume 30 music`",
    ]
    voice = (await _help(bot, "voice"))[0]
    assert voice.startswith("`?voice list|use|preview|clone|record|delete`\n")
    assert "`?voice use NAME` " in voice


async def _help(bot: commands.Bot, command: str | None = None) -> list[str]:
    """The messages that `!help` sends."""
    cog = bot.get_cog("Help")
    assert isinstance(cog, HelpCommands)
    context, explain = AsyncMock(), cast("Callable[..., Awaitable[None]]", cog.help.callback)
    await explain(cog, context, command=command)
    return [call.args[0] for call in context.send.await_args_list]
