"""A call in a Discord voice channel, as the commands see it."""

from __future__ import annotations

from bot.voice.call import Call
from bot.voice.discord.link import VoiceChannel
from bot.voice.discord.prompt_channel import DiscordPromptChannel
from bot.voice.discord.transport import DiscordTransport


class DiscordCall(Call[DiscordTransport]):
    """A :class:`~bot.voice.call.Call` that knows its channels."""

    @property
    def channel(self) -> VoiceChannel:
        """The voice channel the bot is in."""
        return self.transport.channel

    @property
    def prompts(self) -> DiscordPromptChannel:
        """The text channel that prompts come from."""
        return self.transport.prompts
