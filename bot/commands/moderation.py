"""What moderators and Discord do to the bot's voice is noticed and said."""

from __future__ import annotations

import discord
from discord.ext import commands

from bot.calls import Calls


class VoiceStateListener(commands.Cog):
    """Says in the prompt channel why nobody hears the bot."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @commands.Cog.listener()
    async def on_voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        """Look at the bot's own voice state alone."""
        session = self._calls.session
        if session is None or member.id != member.guild.me.id or after.channel is None:
            return
        notice = _notice(before, after)
        if notice is not None:
            await session.prompts.tell(notice)


def _notice(before: discord.VoiceState, after: discord.VoiceState) -> str | None:
    channel = after.channel
    if channel is None:
        return None
    if after.mute and not before.mute:
        return (
            "🔇 I'm muted by this server, so nobody hears me. A moderator can unmute me: right-click me, Server Mute."
        )
    if before.mute and not after.mute:
        return "🔊 I'm no longer muted."
    if after.suppress and (not before.suppress or before.channel != channel):
        return "🔇 I'm in the audience of this stage, so nobody hears me. A moderator can invite me to speak."
    if before.suppress and not after.suppress:
        return "🔊 I may speak on the stage now."
    if after.afk and before.channel != channel:
        return f"💤 I was put in {channel.name}, the AFK channel, where nobody may speak. Move me back, or `!leave`."
    if before.channel is not None and before.channel != channel:
        return f"🎤 I was moved to {channel.name}. Write here as before."
    return None
