"""The first start on Discord: what its errors mean, and the text after the login."""

from __future__ import annotations

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_text
from bot.login_texts import NO_MESSAGE_CONTENT, UNREACHABLE, WRONG_TOKEN
from bot.voice.discord.permissions import invite_link


def explain_login_failure(error: Exception) -> str | None:
    """A text that says what to do about an error of the first connection; ``None`` for other errors."""
    match error:
        case discord.LoginFailure():
            return WRONG_TOKEN
        case discord.PrivilegedIntentsRequired():
            return NO_MESSAGE_CONTENT
        case discord.DiscordException() if not isinstance(error, discord.GatewayNotFound):
            return None
        case _ if isinstance(error, DISCORD_ERRORS):
            return UNREACHABLE.format(cause=discord_error_text(error))
        case _:
            return None


def is_for_the_operator(error: Exception) -> bool:
    """Whether the operator must change something, because another attempt would fail in the same way."""
    return isinstance(error, discord.LoginFailure | discord.PrivilegedIntentsRequired)


def welcome(user: discord.ClientUser, guilds: int, prefix: str) -> str:
    """The text after the bot has connected. ``guilds`` is the number of servers, ``prefix`` the prefix of commands."""
    if guilds:
        servers = f"{guilds} server{'s' if guilds > 1 else ''}"
        return f"Connected as {user} on {servers}. Type {prefix}join in a text channel."
    return f"Connected as {user}, but on no server yet. Invite me: {invite_link(user.id)}"
