"""What moderators and Discord do to the bot's voice is noticed and said."""

from __future__ import annotations

import discord
from discord.ext import commands

from bot.calls import Calls
from bot.voice.discord.voice_state import voice_state_notice


class VoiceStateListener(commands.Cog):
    """Says in the prompt channel why nobody hears the bot."""

    def __init__(self, calls: Calls, prefix: str) -> None:
        self._calls = calls
        self._prefix = prefix

    @commands.Cog.listener()
    async def on_voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        """Look at the bot's own voice state alone."""
        session = self._calls.session_on(member.guild.id)
        if session is None or member.id != member.guild.me.id or after.channel is None:
            return
        notice = voice_state_notice(before, after, self._prefix)
        if notice is not None:
            await session.prompts.tell(notice)
