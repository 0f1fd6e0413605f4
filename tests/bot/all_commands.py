"""A bot with all cogs over mocks, for tests of the commands' names and descriptions."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

from discord.ext import commands

import bot.commands
import bot.features
from bot.client import SeiyuuBot, connector
from bot.commands.help import HelpCommands
from bot.store import Store
from tests.guards import make_guard


def cog_classes() -> Iterator[type[commands.Cog]]:
    """All classes of cogs in bot/commands and in the packages of features."""
    for package in (bot.commands, bot.features):
        yield from _cogs_in(package)


def _cogs_in(package: ModuleType) -> Iterator[type[commands.Cog]]:
    for name in (module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")):
        for _, found in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            if issubclass(found, commands.Cog) and found.__module__ == name and found.__cog_commands__:
                yield found


async def bot_with_every_command(prefix: str = "!") -> SeiyuuBot:
    """A bot that has all commands and is not connected. The services behind the commands are mocks."""
    bot = SeiyuuBot(prefix, MagicMock(spec=Store), _ready, MagicMock(spec=connector), make_guard())
    await bot.add_cogs(_over_stand_ins(cog, bot, prefix) for cog in cog_classes())
    return bot


def _over_stand_ins(cog: type[commands.Cog], bot: SeiyuuBot, prefix: str) -> commands.Cog:
    given: dict[str, Any] = {name: MagicMock() for name in inspect.signature(cog).parameters}
    if "prefix" in given:
        given["prefix"] = prefix
    if cog is HelpCommands:
        given["bot"] = bot
    return cog(**given)


async def _ready() -> None:
    return None
