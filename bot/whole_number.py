"""Whole numbers that people give to commands."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands


class NumberError(commands.BadArgument):
    """What was given is not a number of the kind that is wanted; the text is for the person."""


class WholeNumber(app_commands.Transformer, commands.Converter[int]):
    """Reads a whole number between two bounds, typed or in a slash command.

    Args:
        unit: may stand behind the number when it is typed ("80%").
        named: what is said to somebody who gave another thing; left out: the bounds.
    """

    def __init__(self, least: int, most: int, unit: str = "", named: str = "") -> None:
        super().__init__()
        self._least = least
        self._most = most
        self._unit = unit
        self._named = named or f"a whole number from {least} to {most}"

    @property
    def type(self) -> discord.AppCommandOptionType:
        """For Discord: a whole number."""
        return discord.AppCommandOptionType.integer

    @property
    def min_value(self) -> int:
        """For Discord: the lower bound."""
        return self._least

    @property
    def max_value(self) -> int:
        """For Discord: the upper bound."""
        return self._most

    async def transform(self, interaction: discord.Interaction[Any], value: Any, /) -> int:
        """Discord has checked it."""
        return int(value)

    async def convert(self, ctx: commands.Context[Any], argument: str) -> int:
        """Read what was typed; raises :class:`NumberError`."""
        digits = argument.removesuffix(self._unit).strip()
        if digits.isascii() and digits.isdecimal() and len(digits) <= len(str(self._most)):
            number = int(digits)
            if self._least <= number <= self._most:
                return number
        raise NumberError(f"That must be {self._named}.")
