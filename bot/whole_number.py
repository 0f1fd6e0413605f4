"""Converts a command's argument to a whole number."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands


class NumberError(commands.BadArgument):
    """The argument is not a valid number. The text is for the person."""


class WholeNumber(app_commands.Transformer, commands.Converter[int]):
    """Converts a typed argument or slash command option to a whole number between two bounds.

    Args:
        unit: an optional unit behind a typed number ("80%", "80 %").
        named: names the valid arguments in the error text. The default names the bounds.
        left_out_before: words that the next argument may be. If one of them is typed in place of the number, the number
            counts as left out.
    """

    def __init__(
        self, least: int, most: int, unit: str = "", named: str = "", left_out_before: frozenset[str] = frozenset()
    ) -> None:
        super().__init__()
        self._least = least
        self._most = most
        self._unit = unit
        self._left_out_before = left_out_before
        self._named = named or f"a whole number from {least} to {most}"

    @property
    def type(self) -> discord.AppCommandOptionType:
        """The type of the slash command option."""
        return discord.AppCommandOptionType.integer

    @property
    def min_value(self) -> int:
        """The lower bound of the slash command option."""
        return self._least

    @property
    def max_value(self) -> int:
        """The upper bound of the slash command option."""
        return self._most

    async def transform(self, interaction: discord.Interaction[Any], value: Any, /) -> int:
        """Convert a slash command option. Discord has checked its bounds."""
        return int(value)

    async def convert(self, ctx: commands.Context[Any], argument: str) -> int | None:  # type: ignore[override]
        """Convert a typed argument; raises :class:`NumberError`. ``None`` if the number was left out."""
        if argument in self._left_out_before and ctx.view.buffer[: ctx.view.index].endswith(argument):
            ctx.view.index -= len(argument)
            return None
        digits = argument.removesuffix(self._unit).strip()
        if digits.isascii() and digits.isdecimal() and len(digits) <= len(str(self._most)):
            number = int(digits)
            if self._least <= number <= self._most:
                self._skip_unit(ctx)
                return number
        raise NumberError(f"That must be {self._named}.")

    def _skip_unit(self, ctx: commands.Context[Any]) -> None:
        """Skip a unit that stands apart from its number, so that it is not taken for the next argument."""
        ctx.view.skip_ws()
        ctx.view.skip_string(self._unit)
