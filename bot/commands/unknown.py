"""Answers unknown commands: mistyped ones, and those of features that the operator has not set up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import discord
from discord.ext import commands

from bot.browser_help import DID_YOU_MEAN
from bot.discord_errors import DISCORD_ERRORS, discord_error_detail
from bot.music.typed import named_otherwise
from bot.replying import reply_to
from bot.user_error import UserError
from config.spelling import comparable, nearest

_log = logging.getLogger(__name__)

UNKNOWN_COMMAND = "❓ I don't know that command. `{prefix}help` lists what I can do."
_FOREIGN = frozenset(
    {
        "card",
        "cards",
        "cat",
        "chart",
        "cheat",
        "coin",
        "drop",
        "gpt",
        "level",
        "mod",
        "mods",
        "move",
        "roll",
        "shop",
        "start",
    }
    | {"stat", "stats", "step", "store", "top", "vote", "word"}
)
"""Words that look like a mistyped command of this bot, but are ordinary words or commands of other bots."""


class CommandAdvice:
    """Advice about unknown commands.

    Args:
        not_set_up: the text for each command whose feature the operator has not set up, by the command's name.
    """

    def __init__(self, bot: commands.Bot, prefix: str, not_set_up: Mapping[str, str]) -> None:
        self._bot = bot
        self._prefix = prefix
        self._not_set_up = {spelling: text for name, text in not_set_up.items() for spelling in spellings(name)}
        self._missing = tuple(not_set_up)

    def about(self, typed: str) -> str | None:
        """The advice for an unknown name (without prefix); ``None`` if it probably is not a command of this bot."""
        missing = self._not_set_up.get(typed.casefold())
        if missing is not None:
            return missing
        near = nearest_command(typed, (*self._bot.all_commands, *self._missing))
        return DID_YOU_MEAN.format(prefix=self._prefix, name=near) if near is not None else None

    def instead_of(self, typed: str) -> str | None:
        """The advice for a command that people know from other bots; ``None`` for any other name."""
        return named_otherwise(typed, self._prefix)


class UnknownCommands(commands.Cog):
    """Answers messages that look like a command but are not one.

    Other bots may use the same prefix. So outside of a call's prompt channel, a message is answered only if it
    probably means a command of this bot. Inside the prompt channel, every such message is answered.

    Args:
        is_for_call: whether messages in a channel (by id) are for a call.
    """

    def __init__(
        self, bot: commands.Bot, advice: CommandAdvice, prefix: str, is_for_call: Callable[[int], bool]
    ) -> None:
        self._bot = bot
        self._advice = advice
        self._prefix = prefix
        self._is_for_call = is_for_call

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer a person's message if it is an unknown command."""
        if not message.content.startswith(self._prefix):
            return
        if message.author.bot or message.webhook_id is not None or message.is_system():
            return
        context = await self._bot.get_context(message)
        if context.command is not None:
            return
        typed = context.invoked_with or ""
        in_call = self._is_for_call(message.channel.id)
        # Outside of a call, people may mean another bot.
        advice = (self._advice.instead_of(typed) if in_call else None) or self._advice.about(typed)
        if advice is None and in_call:
            advice = UNKNOWN_COMMAND.format(prefix=self._prefix)
        if advice is None:
            return
        try:
            await reply_to(message, advice, ping=not in_call)
        except DISCORD_ERRORS as error:
            _log.info("Could not answer message %d: %s", message.id, discord_error_detail(error))


def require_known_part(ctx: commands.Context[Any], prefix: str) -> None:
    """Check that the word after the name of a command group names a command of the group.

    A group that takes words itself, such as ``sound NAME``, decides what they mean.

    Raises:
        UnknownPartError: there is no such command. The text is for the person.
    """
    group, typed = ctx.command, ctx.subcommand_passed
    if not isinstance(group, commands.Group) or typed is None or ctx.invoked_subcommand is not None:
        return
    if group.clean_params:
        return
    near = nearest_command(typed, group.all_commands)
    named = f"{prefix}{group.qualified_name}"
    if near is not None:
        raise UnknownPartError(DID_YOU_MEAN.format(prefix=f"{named} ", name=near))
    known = ", ".join(f"`{named} {command.name}`" for command in sorted(group.commands, key=lambda each: each.name))
    raise UnknownPartError(f"❓ I don't know `{named} {typed[:50].replace('`', '')}`. There are: {known}.")


class UnknownPartError(UserError, commands.CommandError):
    """A command group has no command with this name. The text is for the person."""


def spellings(name: str) -> tuple[str, ...]:
    """The spellings of a command's name: unchanged, without hyphens, and with underscores instead of hyphens."""
    return tuple(dict.fromkeys((name, name.replace("-", ""), name.replace("-", "_"))))


def nearest_command(typed: str, names: Iterable[str]) -> str | None:
    """The command in ``names`` that a mistyped name probably means; ``None`` if that is not clear.

    Other bots may use the same prefix, so their commands must not count as mistyped commands of this bot.

    Args:
        typed: a name that is not in ``names``.
    """
    return None if comparable(typed) in _FOREIGN else nearest(typed, names)
