"""Converts a command's argument to a voice channel."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from config.spelling import comparable, nearest

Channel = discord.VoiceChannel | discord.StageChannel

NO_SUCH_CHANNEL = "❌ I see no voice channel of that name here."
DID_YOU_MEAN = "❌ I see no voice channel of that name here. Did you mean `{name}`?"


class NoSuchVoiceChannelError(commands.BadArgument):
    """The person sees no voice channel with this name. The text is for the person."""


class VoiceChannelName(app_commands.Transformer, commands.Converter[Channel]):
    """Converts a name (in upper or lower case), id, mention or slash command option to a voice or stage channel."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        """The type of the slash command option."""
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        """The kinds of channels that the slash command option allows."""
        return [discord.ChannelType.voice, discord.ChannelType.stage_voice]

    async def transform(self, interaction: discord.Interaction[Any], value: Any, /) -> Channel:
        """Convert a slash command option; raises :class:`~discord.app_commands.TransformerError`."""
        channel = value.resolve()
        if not isinstance(channel, Channel):
            raise app_commands.TransformerError(value, self.type, self)
        return channel

    async def convert(self, ctx: commands.Context[Any], argument: str) -> Channel:
        """Convert a typed argument; raises :class:`NoSuchVoiceChannelError`."""
        for converter in (commands.VoiceChannelConverter(), commands.StageChannelConverter()):
            try:
                return await converter.convert(ctx, argument)
            except commands.ChannelNotFound:
                continue
        seen = _seen_by(ctx)
        typed = comparable(argument.strip().removeprefix("#"))
        for channel in seen:
            if comparable(channel.name) == typed:
                return channel
        near = nearest(typed, [channel.name for channel in seen])
        raise NoSuchVoiceChannelError(NO_SUCH_CHANNEL if near is None else DID_YOU_MEAN.format(name=_shown(near)))


def _seen_by(ctx: commands.Context[Any]) -> list[Channel]:
    """The voice channels that both the person and the bot can see. Names of other channels must not be revealed."""
    if ctx.guild is None or not isinstance(ctx.author, discord.Member):
        return []
    people = (ctx.author, ctx.guild.me)
    channels: list[Channel] = [*ctx.guild.voice_channels, *ctx.guild.stage_channels]
    return [channel for channel in channels if all(channel.permissions_for(each).view_channel for each in people)]


def _shown(name: str) -> str:
    return name.replace("`", "'")
