"""What the bot must be allowed to do in a call, and how to ask for it."""

from __future__ import annotations

import discord

REQUIRED = discord.Permissions(
    view_channel=True,
    connect=True,
    speak=True,
    use_voice_activation=True,
    send_messages=True,
    read_message_history=True,
    add_reactions=True,
    embed_links=True,
    attach_files=True,
)
"""What the invite link asks for."""

_IN_VOICE = ("view_channel", "connect", "speak")
_IN_PROMPTS = ("view_channel", "send_messages", "read_message_history")
"""Without reactions a prompt is answered all the same, only without a 🎤 below it."""


def invite_link(application_id: int) -> str:
    """The address at which a server's owner adds the bot with :data:`REQUIRED` and slash commands."""
    return discord.utils.oauth_url(application_id, permissions=REQUIRED, scopes=("bot", "applications.commands"))


def missing_permissions(
    voice: discord.abc.GuildChannel, prompts: discord.abc.MessageableChannel, me: discord.Member
) -> list[str]:
    """Name what ``me`` may not do but has to, for people: "speak in General"."""
    missing = _missing(voice, me, _IN_VOICE)
    if isinstance(prompts, discord.abc.GuildChannel) and prompts.id != voice.id:
        missing += _missing(prompts, me, _IN_PROMPTS)
    return missing


def _missing(channel: discord.abc.GuildChannel, me: discord.Member, names: tuple[str, ...]) -> list[str]:
    allowed = channel.permissions_for(me)
    return [f"{name.replace('_', ' ')} in #{channel.name}" for name in names if not getattr(allowed, name)]


def permission_advice(missing: list[str], application_id: int) -> str:
    """Say what is missing and how to fix it."""
    return (
        f"❌ I'm not allowed to: {', '.join(missing)}. Give my role these permissions (Server Settings, Roles, or the "
        f"channel's own settings), or invite me again with all of them: <{invite_link(application_id)}>"
    )
