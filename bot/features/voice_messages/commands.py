"""The ``voice-message`` command."""

from __future__ import annotations

import re
from typing import Any

from discord import app_commands
from discord.ext import commands

from bot.features.voice_messages.feature import MAX_CHARACTERS, Place, VoiceMessages
from bot.llm.cleaning import DiscordNames, clean_prompt
from bot.replying import NOBODY
from bot.text import split_message

Context = commands.Context[Any]

SPOKEN = "🗣️ {text}"
"""The text that follows the voice message of a slash command, for people who can't hear it.

After a typed command it is not needed, because the command itself shows the text.
"""
_MENTIONED = re.compile(r"<@!?(\d{1,20})>")


class VoiceMessageCommands(commands.Cog, name="Voice messages"):
    """Have me speak in voice messages."""

    def __init__(self, voice_messages: VoiceMessages) -> None:
        self._voice_messages = voice_messages

    @commands.hybrid_command(
        name="voice-message",
        description="Say this text in a voice message, word for word.",
        usage="TEXT",
        brief="a voice message",
        extras={"example": "Dinner is ready!"},
    )
    @app_commands.describe(text="What to say.")
    async def voice_message(self, ctx: Context, *, text: commands.Range[str, 1, MAX_CHARACTERS]) -> None:
        """Say a text in a voice message, word for word, with my voice here."""
        reply_to = ctx.message.id if ctx.interaction is None else None
        async with ctx.typing():
            words = clean_prompt(text, _names(ctx, text))
            await self._voice_messages.post(Place(ctx.channel, ctx.guild, reply_to), words, ctx.author.id)
        if ctx.interaction is not None:
            for part in split_message(SPOKEN.format(text=text)):
                await ctx.send(part, allowed_mentions=NOBODY)


def _names(ctx: Context, text: str) -> DiscordNames:
    """The names of the people whom a text mentions, and of all roles and channels of the server."""
    users = {member.id: member.display_name for member in ctx.message.mentions}
    if ctx.guild is None:
        return DiscordNames(users)
    for number in map(int, _MENTIONED.findall(text)):
        if (member := ctx.guild.get_member(number)) is not None:
            users[number] = member.display_name
    roles = {role.id: role.name for role in ctx.guild.roles}
    channels = {channel.id: channel.name for channel in ctx.guild.channels}
    return DiscordNames(users, roles, channels)
