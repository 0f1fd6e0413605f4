"""What moderators and Discord do to the bot's voice, in words for the people who no longer hear it."""

from __future__ import annotations

import discord


def voice_state_notice(before: discord.VoiceState | None, after: discord.VoiceState, prefix: str) -> str | None:
    """Say what the change means for who listens, or ``None`` if nothing; ``before`` is ``None`` on joining.

    ``prefix`` is what commands begin with.
    """
    channel = after.channel
    if channel is None:
        return None
    arrived = before is None or before.channel != channel
    was_muted = before is not None and before.mute
    was_suppressed = before is not None and before.suppress and not arrived
    if after.mute and not was_muted:
        return (
            "🔇 I'm muted by this server, so nobody hears me. A moderator can unmute me: right-click me, Server Mute."
        )
    if was_muted and not after.mute:
        return "🔊 I'm no longer muted."
    was_deaf = before is not None and before.deaf
    if after.deaf and not was_deaf:
        return "🙉 I'm deafened by this server: I hear nobody. A moderator can undo it: right-click me, Server Deafen."
    if was_deaf and not after.deaf:
        return "👂 I'm no longer deafened."
    # Not `after.afk`: discord.py means "suppressed" by it.
    if arrived and channel == channel.guild.afk_channel:
        where = f"{channel.name}, the AFK channel, where nobody may speak"
        return f"💤 I was put in {where}. Move me back, or `{prefix}leave`."
    if after.suppress and not was_suppressed:
        return "🔇 I'm in the audience of this stage, so nobody hears me. A moderator can invite me to speak."
    if was_suppressed and not after.suppress:
        return "🔊 I may speak on the stage now."
    # Who comes back after a lost connection was in no channel before, and has not been moved.
    if before is not None and before.channel is not None and arrived:
        return f"🎤 I was moved to {channel.name}. Write here as before."
    return None
