"""The bot's Discord status during a call."""

from __future__ import annotations

import logging

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_text

_log = logging.getLogger(__name__)

IN_CALL = "🎤 In Voice Chat"


class CallPresence:
    """The bot's status. It is set again in each new gateway session."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def show(self) -> None:
        """Show that a call is on."""
        await self._change(discord.CustomActivity(IN_CALL))

    async def clear(self) -> None:
        """Remove the status."""
        await self._change(None)

    async def _change(self, activity: discord.CustomActivity | None) -> None:
        # `change_presence` affects only this session. `client.activity` is sent at the start of each new session.
        self._client.activity = activity
        if self._client.is_closed():
            return
        try:
            await self._client.change_presence(activity=activity)
        except DISCORD_ERRORS as error:
            _log.warning("Could not change my status: %s", discord_error_text(error))
