"""Reports changes of the bot's voice state, for instance that a moderator has muted it."""

from __future__ import annotations

import discord
from discord.ext import commands

from bot.calls import Calls
from bot.voice.discord.voice_state import voice_state_notice


class VoiceStateListener(commands.Cog):
    """Writes in the prompt channel why people can't hear the bot."""

    def __init__(self, calls: Calls, prefix: str) -> None:
        self._calls = calls
        self._prefix = prefix

    @commands.Cog.listener()
    async def on_voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        """Report a change of the bot's own voice state."""
        session = self._calls.session_on(member.guild.id)
        if session is None or member.id != member.guild.me.id or after.channel is None:
            return
        notice = voice_state_notice(before, after, self._prefix)
        if notice is not None:
            await session.prompts.tell(notice)
