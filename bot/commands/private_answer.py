"""Answers that only the person who asked may read: ephemeral after a slash command, otherwise a direct message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import discord
from discord.ext import commands

from bot.text import split_message
from bot.user_error import UserError

Context = commands.Context[Any]

SENT = "📬 I sent you a direct message."
NO_DIRECT_MESSAGES = (
    "❌ I can't write you a direct message. Allow it in this server's privacy settings, or use `/{command}`."
)


async def answer_privately(
    ctx: Context,
    text: str,
    *,
    view: discord.ui.View | None = None,
    file: discord.File | None = None,
    told: str = SENT,
) -> None:
    """Send a text, in several messages if it is long, to the person who used a command.

    A slash command must have been deferred as ephemeral.

    Args:
        view: buttons below the last message.
        file: a file that is attached to the last message.
        told: what is written on the server, if the text goes by direct message. It must say nothing of the person.

    Raises:
        UserError: the person takes no direct messages from the bot.
    """
    direct = ctx.interaction is None and ctx.guild is not None
    send: Callable[..., Awaitable[object]] = ctx.author.send if direct else partial(ctx.send, ephemeral=True)
    nobody = discord.AllowedMentions.none()
    attached = {name: each for name, each in {"view": view, "file": file}.items() if each is not None}
    *first, last = split_message(text)
    try:
        for part in first:
            await send(part, allowed_mentions=nobody)
        await send(last, allowed_mentions=nobody, **attached)
    except discord.Forbidden as error:
        command = ctx.command.qualified_name if ctx.command else "help"
        raise UserError(NO_DIRECT_MESSAGES.format(command=command)) from error
    if direct:
        await ctx.send(told)
