"""Decides whether a person is answered in a call on Discord."""

from __future__ import annotations

from bot.access import Permit
from bot.ignored import IgnoredPeople
from bot.voice.discord.link import VoiceChannel


class Audience:
    """Decides whether a person is answered in a call, for speech and for typed prompts."""

    def __init__(self, permit: Permit, ignored: IgnoredPeople) -> None:
        self._permit = permit
        self._ignored = ignored

    def admits(self, channel: VoiceChannel, person: int) -> bool:
        """Whether a person (user id) is answered in a call in this channel."""
        if self._ignored.include(channel.guild.id, person):
            return False
        member = channel.guild.get_member(person)
        if member is None:
            return self._permit.everyone
        in_call = member.voice is not None and member.voice.channel == channel
        return self._permit.allows(member, in_call=in_call)
