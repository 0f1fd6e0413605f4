"""Errors of requests to Discord, and their texts: one for people, without the library's own words, and one for the log.

This module is separate from :mod:`bot.network_errors`, so that a program that needs only :mod:`bot.network_errors` does
not import discord.py.
"""

from __future__ import annotations

import json

import aiohttp
import discord

from bot.network_errors import network_error_text

DISCORD_ERRORS = (
    *(discord.DiscordException, aiohttp.ClientError, OSError),
    *(UnicodeDecodeError, json.JSONDecodeError),
)
"""What a request to Discord can raise, over HTTP or the gateway.

discord.py raises its own errors for Discord's answers. It passes aiohttp's errors on. Some of these are no
:class:`OSError` (``ServerDisconnectedError``, ``ClientPayloadError``). :class:`TimeoutError` is an :class:`OSError`. If
a proxy answers in Discord's place, the answer may be no UTF-8, or no JSON although its headers say that it is JSON.
"""


def discord_error_text(error: Exception) -> str:
    """Why a request to Discord has failed, in a few words for people."""
    match error:
        case discord.ConnectionClosed():
            return f"it closed the connection (code {error.code})"
        case discord.LoginFailure():
            return "it does not accept DISCORD_TOKEN"
        case discord.HTTPException():
            return f"it answers with status {error.status}"
        case discord.GatewayNotFound():
            return "it does not say where its gateway is"
        case _:
            return network_error_text(error)


def discord_error_detail(error: Exception) -> str:
    """Why a request to Discord has failed, for the log. Discord's own words name a missing permission, for example.

    Other errors than :data:`DISCORD_ERRORS` keep their own text, so that callers can catch them together with these.
    """
    answered = isinstance(error, discord.HTTPException)
    return str(error) if answered or not isinstance(error, DISCORD_ERRORS) else discord_error_text(error)
