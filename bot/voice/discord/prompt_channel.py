"""The text channel of a call: where prompts are acknowledged and where words go that can't be spoken."""

from __future__ import annotations

import logging

import aiohttp
import discord

from bot.discord_away import why
from bot.replying import NOBODY, reply_to
from bot.text import split_message
from bot.voice.turn import Prompt

_log = logging.getLogger(__name__)

ACKNOWLEDGEMENT = "🎤"

PromptTextChannel = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread
"""The channels of a server that people can write in."""


async def tell_in(client: discord.Client, channel: int, text: str) -> None:
    """Write in the channel with this id, also long after a call; where that can't be done, the log says so."""
    try:
        found = client.get_channel(channel) or await client.fetch_channel(channel)
        if isinstance(found, discord.abc.Messageable):
            await found.send(text, allowed_mentions=discord.AllowedMentions.none())
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        _log.warning("Could not write in the channel %d: %s", channel, why(error))


class DiscordPromptChannel:
    """A conversation's :class:`PromptChannel` in a Discord text channel; mentions nobody but the author."""

    def __init__(self, channel: PromptTextChannel) -> None:
        self.channel = channel

    @property
    def id(self) -> int:
        """The channel's."""
        return self.channel.id

    async def acknowledge(self, prompt: Prompt) -> None:
        """React to the prompt's message, if it has one; a message deleted meanwhile is no matter."""
        if prompt.message is None:
            return
        try:
            await self.channel.get_partial_message(prompt.message).add_reaction(ACKNOWLEDGEMENT)
        except (discord.NotFound, discord.Forbidden) as error:
            _log.info("Could not acknowledge a prompt: %s", error)

    async def tell(self, text: str, prompt: Prompt | None = None) -> None:
        """Write ``text``, in as many messages as Discord's 2,000 characters ask for.

        Raises:
            discord.HTTPException: the channel is gone, or the bot may not write in it.
        """
        answered = prompt.message if prompt is not None else None
        for number, part in enumerate(split_message(text)):
            if answered is not None and number == 0:
                await reply_to(self.channel.get_partial_message(answered), part)
            else:
                await self.channel.send(part, allowed_mentions=NOBODY)
