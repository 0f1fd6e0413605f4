"""The registry of applications, users, guilds, roles, members and channels. It announces every change."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeVar

from sandbox.world import payloads
from sandbox.world.bus import Bus, Dispatch
from sandbox.world.entities import (
    Application,
    ApplicationFlag,
    Channel,
    ChannelKind,
    Guild,
    Json,
    Member,
    Overwrite,
    Role,
    Team,
    TeamMember,
    User,
)
from sandbox.world.errors import invalid_form, missing_access, missing_permissions, unknown
from sandbox.world.overwrites import permissions_in
from sandbox.world.permissions import BOT, EVERYONE, EVERYTHING, NOTHING, Permission
from sandbox.world.snowflakes import Snowflakes

_T = TypeVar("_T")


class Directory:
    """The registry. Look-ups raise :class:`~sandbox.world.errors.RestError` if Discord would answer 404.

    Args:
        bus: announces changes.
        wall_clock: seconds since 1970.
    """

    def __init__(self, bus: Bus, wall_clock: Callable[[], float]) -> None:
        self.bus = bus
        self.ids = Snowflakes(wall_clock)
        self.now = wall_clock
        self.users: dict[int, User] = {}
        self.applications: dict[int, Application] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}

    # Look-ups.

    def user(self, user_id: int) -> User:
        """The user with this id."""
        return _found(self.users.get(user_id), "User")

    def guild(self, guild_id: int) -> Guild:
        """The guild with this id."""
        return _found(self.guilds.get(guild_id), "Guild")

    def channel(self, channel_id: int) -> Channel:
        """The channel, thread or direct messages with this id."""
        return _found(self.channels.get(channel_id), "Channel")

    def member(self, guild_id: int, user_id: int) -> Member:
        """The user as a member of the guild."""
        return _found(self.guild(guild_id).members.get(user_id), "Member")

    def find_member(self, guild_id: int | None, user_id: int) -> Member | None:
        """The user as a member of the guild, or ``None``."""
        guild = self.guilds.get(guild_id or 0)
        return guild.members.get(user_id) if guild else None

    def application_of(self, token: str) -> Application | None:
        """The application with this bot token, or ``None``."""
        matches = (app for app in self.applications.values() if secrets.compare_digest(app.token, token))
        return next(matches, None)

    def application_of_bot(self, user_id: int) -> Application | None:
        """The application of this bot user, or ``None``."""
        return next((app for app in self.applications.values() if app.bot.id == user_id), None)

    # Permissions.

    def permissions(self, user_id: int, channel: Channel) -> Permission:
        """A user's permissions in a channel. In their own direct messages they have all."""
        if channel.guild_id is None:
            return EVERYTHING if any(who.id == user_id for who in channel.recipients) else NOTHING
        member = self.find_member(channel.guild_id, user_id)
        if member is None:
            return NOTHING
        overwritten = self.channels[channel.parent_id] if channel.kind.is_thread and channel.parent_id else channel
        return permissions_in(self.guild(channel.guild_id), member, overwritten)

    def require(self, user_id: int, channel: Channel, needed: Permission) -> None:
        """Raise error 50001 if the user can't see the channel, 50013 if they lack a permission of ``needed`` there."""
        allowed = self.permissions(user_id, channel)
        if Permission.VIEW_CHANNEL not in allowed:
            raise missing_access()
        if needed not in allowed:
            raise missing_permissions()

    def require_in_guild(self, user_id: int, guild: Guild, needed: Permission) -> None:
        """Raise error 50001 if the user is not a member, 50013 if they lack a permission of ``needed`` in the guild."""
        member = guild.members.get(user_id)
        if member is None:
            raise missing_access()
        if needed not in permissions_in(guild, member):
            raise missing_permissions()

    # Users and applications.

    def add_user(self, name: str, *, bot: bool = False) -> User:
        """Add a user."""
        user = User(self.ids.next(), name, bot)
        self.users[user.id] = user
        return user

    def add_application(self, name: str, owner: User) -> Application:
        """Add an application with its bot user and token. It has every privileged intent."""
        bot = self.add_user(name, bot=True)
        app = Application(bot.id, name, bot, owner, token=f"sandbox.{bot.id}.{secrets.token_urlsafe(16)}")
        self.applications[app.id] = app
        return app

    def give_to_team(self, app: Application, name: str, members: list[TeamMember]) -> Team:
        """Make a team the owner of an application. The first member owns the team."""
        app.team = Team(self.ids.next(), name, members)
        return app.team

    def set_application_flags(self, app: Application, flags: ApplicationFlag) -> None:
        """Grant exactly these privileged intents. They take effect at the next identify."""
        app.flags = flags

    def set_avatar(self, user: User, avatar: str | None) -> None:
        """Set a user's avatar (the hash of the picture), or remove it."""
        user.avatar = avatar
        self.bus.publish(Dispatch("USER_UPDATE", payloads.own_user(user), only=frozenset({user.id})))
        for guild in self.guilds.values():
            if user.id in guild.members:
                self._announce_member(guild, guild.members[user.id])

    # Guilds, members and roles.

    def add_guild(self, name: str, owner: User) -> Guild:
        """Add a guild with the role @everyone and its owner as a member."""
        guild = Guild(self.ids.next(), name, owner.id, self.now())
        guild.roles[guild.id] = Role(guild.id, "@everyone", EVERYONE)
        self.guilds[guild.id] = guild
        self.add_member(guild, owner)
        return guild

    def add_member(self, guild: Guild, user: User) -> Member:
        """Add a user to a guild. A bot gets a role of its own, as with an invitation that asks for permissions."""
        member = Member(user, self.now())
        if user.bot:
            role = self.add_role(guild, user.name, BOT, bot_id=user.id)
            member.roles.append(role.id)
        guild.members[user.id] = member
        if user.bot:
            data = payloads.guild_create(guild, members=[member])
            del data["unavailable"]  # Without this field, the bot treats the guild as a new one.
            self.bus.publish(Dispatch("GUILD_CREATE", data, only=frozenset({user.id})))
        data = payloads.member(member) | {"guild_id": str(guild.id)}
        self.bus.publish(Dispatch("GUILD_MEMBER_ADD", data, guild.id))
        return member

    def remove_member(self, guild: Guild, user_id: int) -> None:
        """Remove a member from a guild. The caller ends their voice connection first."""
        member = _found(guild.members.pop(user_id, None), "Member")
        data: Json = {"id": str(guild.id)}
        self.bus.publish(Dispatch("GUILD_DELETE", data, only=frozenset({user_id})))
        data = {"guild_id": str(guild.id), "user": payloads.user(member.user)}
        self.bus.publish(Dispatch("GUILD_MEMBER_REMOVE", data, guild.id))

    def rename_member(self, guild: Guild, user_id: int, nick: str | None) -> Member:
        """Set a member's nickname in the guild, or remove it."""
        if nick is not None and len(nick) > 32:
            raise invalid_form("nick", "BASE_TYPE_MAX_LENGTH", "Must be 32 or fewer in length.")
        member = self.member(guild.id, user_id)
        member.nick = nick or None
        self._announce_member(guild, member)
        return member

    def add_role(self, guild: Guild, name: str, permissions: Permission, *, bot_id: int | None = None) -> Role:
        """Add a role at the top of the list."""
        role = Role(self.ids.next(), name, permissions, len(guild.roles), bot_id)
        guild.roles[role.id] = role
        self._announce_role("GUILD_ROLE_CREATE", guild, role)
        return role

    def set_role_permissions(self, guild: Guild, role_id: int, permissions: Permission) -> Role:
        """Set the permissions of a role."""
        role = _found(guild.roles.get(role_id), "Role")
        role.permissions = permissions
        self._announce_role("GUILD_ROLE_UPDATE", guild, role)
        return role

    def give_role(self, guild: Guild, user_id: int, role_id: int) -> None:
        """Add a role to a member."""
        member = self.member(guild.id, user_id)
        if _found(guild.roles.get(role_id), "Role").id not in member.roles:
            member.roles.append(role_id)
            self._announce_member(guild, member)

    def take_role(self, guild: Guild, user_id: int, role_id: int) -> None:
        """Remove a role from a member."""
        member = self.member(guild.id, user_id)
        if role_id in member.roles:
            member.roles.remove(role_id)
            self._announce_member(guild, member)

    def set_afk_channel(self, guild: Guild, channel: Channel | None) -> None:
        """Set the AFK channel of a guild, or remove it."""
        guild.afk_channel_id = channel.id if channel else None
        self.bus.publish(Dispatch("GUILD_UPDATE", payloads.guild(guild), guild.id))

    # Channels.

    def add_channel(self, guild: Guild, name: str, kind: ChannelKind = ChannelKind.TEXT) -> Channel:
        """Add a channel at the end of the list."""
        channel = Channel(self.ids.next(), kind, name, guild.id, position=len(guild.channels))
        self._keep(channel)
        self._announce_channel("CHANNEL_CREATE", channel)
        return channel

    def add_thread(
        self, parent: Channel, name: str, owner_id: int, *, thread_id: int | None = None, private: bool = False
    ) -> Channel:
        """Add a thread to a text channel. If the thread starts from a message, ``thread_id`` is that message's id."""
        kind = ChannelKind.PRIVATE_THREAD if private else ChannelKind.PUBLIC_THREAD
        thread = Channel(thread_id or self.ids.next(), kind, name, parent.guild_id, parent_id=parent.id)
        thread.owner_id, thread.created_at = owner_id, self.now()
        thread.members.add(owner_id)
        self._keep(thread)
        data = payloads.channel(thread) | {"newly_created": True, "member": payloads.thread_member(thread, owner_id)}
        self.bus.publish(Dispatch("THREAD_CREATE", data, thread.guild_id))
        return thread

    def dm_between(self, one: User, other: User) -> Channel:
        """The direct messages of two users, created on first use."""
        for channel in self.channels.values():
            if channel.kind is ChannelKind.DM and set(channel.recipients) == {one, other}:
                return channel
        channel = Channel(self.ids.next(), ChannelKind.DM, recipients=(one, other))
        self.channels[channel.id] = channel
        return channel

    def announce_update(self, channel: Channel) -> None:
        """Announce that a channel's fields have changed."""
        self._announce_channel("THREAD_UPDATE" if channel.kind.is_thread else "CHANNEL_UPDATE", channel)

    def set_overwrite(self, channel: Channel, overwrite: Overwrite) -> None:
        """Set the permission overwrite of a role or member in a channel."""
        channel.overwrites[overwrite.target_id] = overwrite
        self.announce_update(channel)

    def remove_overwrite(self, channel: Channel, target_id: int) -> None:
        """Remove the permission overwrite of a role or member."""
        if channel.overwrites.pop(target_id, None):
            self.announce_update(channel)

    def delete_channel(self, channel: Channel) -> None:
        """Remove a channel, with its threads. The caller ends the voice connections in it first."""
        guild = self.guild(channel.guild_id or 0)
        for thread in [
            each for each in guild.channels.values() if each.parent_id == channel.id and each.kind.is_thread
        ]:
            self.delete_channel(thread)
        self._announce_channel("THREAD_DELETE" if channel.kind.is_thread else "CHANNEL_DELETE", channel)
        del guild.channels[channel.id], self.channels[channel.id]

    def _keep(self, channel: Channel) -> None:
        self.channels[channel.id] = channel
        self.guild(channel.guild_id or 0).channels[channel.id] = channel

    def _announce_channel(self, event: str, channel: Channel) -> None:
        # A bot gets the events of every channel of its guilds, also of channels that it may not enter.
        self.bus.publish(Dispatch(event, payloads.channel(channel), channel.guild_id))

    def _announce_role(self, event: str, guild: Guild, role: Role) -> None:
        self.bus.publish(Dispatch(event, {"guild_id": str(guild.id), "role": payloads.role(role)}, guild.id))

    def _announce_member(self, guild: Guild, member: Member) -> None:
        data = payloads.member(member) | {"guild_id": str(guild.id)}
        self.bus.publish(Dispatch("GUILD_MEMBER_UPDATE", data, guild.id))


def _found(thing: _T | None, what: str) -> _T:
    if thing is None:
        raise unknown(what)
    return thing
