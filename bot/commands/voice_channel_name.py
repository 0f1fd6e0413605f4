"""The voice channel that somebody names to a command."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from config.spelling import nearest, plain

Channel = discord.VoiceChannel | discord.StageChannel

NO_SUCH_CHANNEL = "❌ I see no voice channel of that name here."
DID_YOU_MEAN = "❌ I see no voice channel of that name here. Did you mean `{name}`?"


class NoSuchVoiceChannelError(commands.BadArgument):
    """There is none of that name that they can see; the text is for the person."""


class VoiceChannelName(app_commands.Transformer, commands.Converter[Channel]):
    """Reads a voice or stage channel: its name in any capitals, its id or a mention, or Discord's own choice."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        """For Discord: a channel."""
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        """For Discord: those that people talk in."""
        return [discord.ChannelType.voice, discord.ChannelType.stage_voice]

    async def transform(self, interaction: discord.Interaction[Any], value: Any, /) -> Channel:
        """What was chosen in a slash command; raises :class:`~discord.app_commands.TransformerError`."""
        channel = value.resolve()
        if not isinstance(channel, Channel):
            raise app_commands.TransformerError(value, self.type, self)
        return channel

    async def convert(self, ctx: commands.Context[Any], argument: str) -> Channel:
        """What was typed; raises :class:`NoSuchVoiceChannelError`."""
        for converter in (commands.VoiceChannelConverter(), commands.StageChannelConverter()):
            try:
                return await converter.convert(ctx, argument)
            except commands.ChannelNotFound:
                continue
        seen = _seen_by(ctx)
        typed = plain(argument.strip().removeprefix("#"))
        for channel in seen:
            if plain(channel.name) == typed:
                return channel
        near = nearest(typed, [channel.name for channel in seen])
        raise NoSuchVoiceChannelError(NO_SUCH_CHANNEL if near is None else DID_YOU_MEAN.format(name=_shown(near)))


def _seen_by(ctx: commands.Context[Any]) -> list[Channel]:
    """The channels that both they and the bot see: no name of another one is told."""
    if ctx.guild is None or not isinstance(ctx.author, discord.Member):
        return []
    people = (ctx.author, ctx.guild.me)
    channels: list[Channel] = [*ctx.guild.voice_channels, *ctx.guild.stage_channels]
    return [channel for channel in channels if all(channel.permissions_for(each).view_channel for each in people)]


def _shown(name: str) -> str:
    return name.replace("`", "'")
