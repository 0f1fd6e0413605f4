"""Pings people on Discord for their timers and reminders."""

from __future__ import annotations

import logging

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_text
from bot.lone_people import FIRST_LONE_PERSON
from bot.reminders.reminders import PingResult

_log = logging.getLogger(__name__)


class ReminderPings:
    """Pings people on Discord (:class:`~bot.reminders.reminders.Pinger`).

    It writes in the channel where the reminder was asked for. If the bot can't write there any more, it writes to the
    person. Nobody but the person is pinged, whatever the text says.
    """

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    def is_private(self, channel: int) -> bool:
        """Whether a channel is closed to some people of its server, is unknown, or is on no server."""
        found = self._client.get_channel(channel)
        if isinstance(found, discord.Thread):
            found = None if found.is_private() else found.parent
        return not (
            isinstance(found, discord.abc.GuildChannel) and found.permissions_for(found.guild.default_role).view_channel
        )

    async def ping(self, person: int, channel: int | None, text: str) -> PingResult:
        """Send ``text``. Errors are logged. People who are not on Discord are told later, in a call."""
        if person >= FIRST_LONE_PERSON:
            return PingResult.LATER
        mentions = discord.AllowedMentions(everyone=False, roles=False, users=[discord.Object(person)])
        try:
            if channel is not None and await self._write_in(channel, text, mentions):
                return PingResult.SENT
            user = self._client.get_user(person) or await self._client.fetch_user(person)
            await user.send(text, allowed_mentions=mentions)
        except (discord.Forbidden, discord.NotFound) as error:
            _log.warning("A reminder could be sent neither in its channel nor to the person: %s", error)
            return PingResult.NEVER
        except DISCORD_ERRORS as error:
            _log.warning("A reminder could not be sent: %s", discord_error_text(error))
            return PingResult.LATER
        return PingResult.SENT

    async def _write_in(self, channel: int, text: str, mentions: discord.AllowedMentions) -> bool:
        """Write in a channel. Returns False if it is gone or closed to the bot."""
        try:
            found = self._client.get_channel(channel) or await self._client.fetch_channel(channel)
            if not isinstance(found, discord.abc.Messageable):
                return False
            await found.send(text, allowed_mentions=mentions)
        except (discord.Forbidden, discord.NotFound) as error:
            _log.info("A reminder could not be written in its channel: %s", error)
            return False
        return True
