"""Texts for errors of discord.py, for people. They never contain the library's own words.

This module is separate from :mod:`bot.network_errors`, so that a program that needs only :mod:`bot.network_errors` does
not import discord.py.
"""

from __future__ import annotations

import discord

from bot.network_errors import network_error_text


def discord_error_text(error: Exception) -> str:
    """Why Discord can't be reached, in a few words for people."""
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
