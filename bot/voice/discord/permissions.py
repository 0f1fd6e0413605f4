"""The Discord permissions that the bot needs in a call, and the texts that ask for them."""

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
    send_voice_messages=True,
)
"""Permissions that the invite link asks for."""

_IN_VOICE = ("view_channel", "connect", "speak")
"""Permissions that a call needs in its voice channel."""
_IN_PROMPTS = ("view_channel", "send_messages", "read_message_history")
"""Permissions that a call needs in its text channel. Without reactions, only the 🎤 under prompts is lost."""


def invite_link(application_id: int) -> str:
    """The URL at which the owner of a server adds the bot with the permissions :data:`REQUIRED` and slash commands."""
    return discord.utils.oauth_url(application_id, permissions=REQUIRED, scopes=("bot", "applications.commands"))


def missing_permissions(
    voice: discord.abc.GuildChannel, prompts: discord.abc.MessageableChannel, me: discord.Member
) -> list[str]:
    """List the permissions that the bot lacks, in words for people: "speak in #General".

    Args:
        voice: voice channel of the call.
        prompts: text channel of the call.
        me: the bot as a member of the server.
    """
    missing = _missing(voice, me, _IN_VOICE)
    if isinstance(prompts, discord.abc.GuildChannel) and prompts.id != voice.id:
        missing += _missing(prompts, me, _IN_PROMPTS)
    return missing


def _missing(channel: discord.abc.GuildChannel, me: discord.Member, names: tuple[str, ...]) -> list[str]:
    allowed = channel.permissions_for(me)
    return [f"{name.replace('_', ' ')} in #{channel.name}" for name in names if not getattr(allowed, name)]


def permission_advice(missing: list[str], application_id: int) -> str:
    """The text that says which permissions are missing and how to give them to the bot."""
    return (
        f"❌ I'm not allowed to: {', '.join(missing)}. Give my role these permissions (Server Settings, Roles, or the "
        f"channel's own settings), or invite me again with all of them: <{invite_link(application_id)}>"
    )
