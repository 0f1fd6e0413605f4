"""The permissions of a member, from their roles and a channel's overwrites."""

from __future__ import annotations

from sandbox.world.entities import Channel, Guild, Member
from sandbox.world.permissions import EVERYTHING, NOTHING, Permission


def permissions_in(guild: Guild, member: Member, channel: Channel | None = None) -> Permission:
    """A member's permissions in the guild, or in one of its channels.

    A channel's overwrites apply in this order: @everyone, the member's roles, the member. Without VIEW_CHANNEL nothing
    is allowed in a channel. Without CONNECT only VIEW_CHANNEL is allowed in a voice channel.
    """
    if member.user.id == guild.owner_id:
        return EVERYTHING
    allowed = guild.roles[guild.id].permissions
    for role_id in member.roles:
        allowed |= guild.roles[role_id].permissions
    if Permission.ADMINISTRATOR in allowed:
        return EVERYTHING
    if channel is None:
        return allowed
    for ids in ({guild.id}, set(member.roles), {member.user.id}):
        overwrites = [overwrite for overwrite in channel.overwrites.values() if overwrite.target_id in ids]
        for overwrite in overwrites:
            allowed &= ~overwrite.deny
        for overwrite in overwrites:
            allowed |= overwrite.allow
    if Permission.VIEW_CHANNEL not in allowed:
        return NOTHING
    if channel.kind.is_voice and Permission.CONNECT not in allowed:
        return allowed & Permission.VIEW_CHANNEL
    return allowed
