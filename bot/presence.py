"""What everybody sees beside the bot's name while a call is on."""

from __future__ import annotations

import logging

import discord

from bot.discord_away import discord_error_text

_log = logging.getLogger(__name__)

IN_CALL = "🎤 In Voice Chat"


class CallPresence:
    """The bot's status; kept over a gateway session that could not be resumed."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def show(self) -> None:
        """A call is on."""
        await self._change(discord.CustomActivity(IN_CALL))

    async def clear(self) -> None:
        """No call is on."""
        await self._change(None)

    async def _change(self, activity: discord.CustomActivity | None) -> None:
        # The client's own activity goes out with each new session, the changed one only into this one.
        self._client.activity = activity
        if self._client.is_closed():
            return
        try:
            await self._client.change_presence(activity=activity)
        except (discord.DiscordException, OSError) as error:
            _log.warning("Could not change my status: %s", discord_error_text(error))
