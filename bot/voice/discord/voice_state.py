"""Notices about the bot's voice state: it was muted, deafened, moved or suppressed on a stage."""

from __future__ import annotations

import discord


def voice_state_notice(before: discord.VoiceState | None, after: discord.VoiceState, prefix: str) -> str | None:
    """The notice for people about a change of the bot's voice state.

    Args:
        before: voice state before the change; ``None`` if the bot has just joined.
        after: voice state after the change.
        prefix: characters that commands begin with.

    Returns:
        ``None`` if the change does not matter to people.
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
    # `after.afk` is not used, because in discord.py it means "suppressed".
    if arrived and channel == channel.guild.afk_channel:
        where = f"{channel.name}, the AFK channel, where nobody may speak"
        return f"💤 I was put in {where}. Move me back, or type `{prefix}leave`."
    if after.suppress and not was_suppressed:
        return "🔇 I'm in the audience of this stage, so nobody hears me. A moderator can invite me to speak."
    if was_suppressed and not after.suppress:
        return "🔊 I may speak on the stage now."
    # A bot that rejoins after a lost connection was in no channel before. It was not moved.
    if before is not None and before.channel is not None and arrived:
        return f"🎤 I was moved to {channel.name}. Write here as before."
    return None
