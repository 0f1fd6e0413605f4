"""Faults that a test can cause: kicks, moves, lost connections, denied permissions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sandbox.gateway.gateway import Gateway
from sandbox.rest.faults import RestFaults
from sandbox.voice.server_link import VoiceServerLink
from sandbox.world.entities import Application, ApplicationFlag, Channel, Guild, Overwrite, User, VoiceState
from sandbox.world.permissions import NOTHING, Permission
from sandbox.world.world import World


class Faults:
    """Causes faults for the bot under test. ``Sandbox.voice_server`` causes packet loss and voice close codes.

    Args:
        world: the state of the simulated Discord, which the faults change.
        gateway: the main gateway.
        rest: causes the faults of the REST API.
        voice: the voice servers.
        reconnect_guests: connects all guests to the voice channels that they are in now.
    """

    def __init__(
        self,
        world: World,
        gateway: Gateway,
        rest: RestFaults,
        voice: VoiceServerLink,
        reconnect_guests: Callable[[], Awaitable[None]],
    ) -> None:
        self.rest = rest
        self._world = world
        self._gateway = gateway
        self._voice = voice
        self._reconnect_guests = reconnect_guests

    # Faults in a voice channel.

    async def kick_from_voice(self, user: User) -> None:
        """Disconnect a user from their voice channel, as a moderator can."""
        self._world.voice.leave(self._state(user).guild_id, user.id)
        await self._settle()

    async def move(self, user: User, channel: Channel) -> None:
        """Move a user to another voice channel, as a moderator can."""
        self._world.voice.move(self._state(user).guild_id, user.id, channel.id)
        await self._settle()

    async def move_to_afk(self, user: User) -> None:
        """Move a user to the guild's AFK channel, as Discord does with people who are silent for long."""
        state = self._state(user)
        afk = self._world.directory.guild(state.guild_id).afk_channel_id
        if afk is None:
            raise ValueError("the guild has no AFK channel")
        await self.move(user, self._world.directory.channel(afk))

    async def delete_channel(self, channel: Channel) -> None:
        """Delete a channel. Everybody in it is disconnected."""
        self._world.delete_channel(channel)
        await self._settle()

    def make_full(self, channel: Channel) -> None:
        """Set a channel's user limit to the number of people inside, so that nobody else can join.

        Raises:
            ValueError: the channel is empty.
        """
        inside = len(self._world.voice.inside(channel))
        if not inside:
            raise ValueError("an empty channel cannot be full")
        channel.user_limit = inside
        self._world.directory.announce_update(channel)

    def server_mute(self, user: User, *, muted: bool = True) -> None:
        """Mute a user for everybody, or unmute them."""
        self._world.voice.set_mute(self._state(user).guild_id, user.id, muted)

    def suppress(self, user: User, *, suppressed: bool = True) -> None:
        """Move a user on a stage to the audience, or back to the speakers."""
        self._world.voice.set_suppress(self._state(user).guild_id, user.id, suppressed)

    async def change_voice_server(self) -> None:
        """Send everybody to another voice server."""
        await self._voice.change_server()
        await self._reconnect_guests()

    async def lose_voice_server(self) -> None:
        """Disconnect everybody from voice and report no voice endpoint until :meth:`change_voice_server` is called."""
        await self._voice.lose_server()

    # Faults of the gateway.

    def cut_gateway(self) -> None:
        """Break every gateway connection. The sessions can be resumed."""
        self._gateway.break_connections()

    def cut_gateway_and_forget_sessions(self) -> None:
        """Break every gateway connection and drop the sessions, so that a resume is refused."""
        self._gateway.forget_sessions()
        self._gateway.break_connections()

    async def ask_to_reconnect(self) -> None:
        """Ask the bot to reconnect and resume (op 7)."""
        await self._gateway.ask_to_reconnect()

    async def invalidate_session(self) -> None:
        """Declare the bot's session invalid (op 9). The bot has to identify again."""
        self._gateway.forget_sessions()
        await self._gateway.invalidate(resumable=False)

    async def close_gateway(self, code: int) -> None:
        """Close every gateway connection with a code. After 4004 and 4010 to 4014 a client must not reconnect."""
        await self._gateway.close_all(code)

    async def garble_gateway(self, message: str | bytes) -> None:
        """Send every client of the gateway this message, which need not be one of Discord's."""
        await self._gateway.send_raw(message)

    # Faults in the guild.

    def deny(self, user: User, channel: Channel, permissions: Permission) -> None:
        """Deny a member permissions in a channel."""
        self._world.directory.set_overwrite(channel, Overwrite(user.id, is_member=True, deny=permissions))

    def allow(self, user: User, channel: Channel, permissions: Permission = NOTHING) -> None:
        """Allow a member permissions in a channel. This replaces an earlier :meth:`deny`."""
        self._world.directory.set_overwrite(channel, Overwrite(user.id, is_member=True, allow=permissions))

    def set_intents(self, app: Application, flags: ApplicationFlag) -> None:
        """Grant an application exactly these privileged intents. They take effect at its next identify."""
        self._world.directory.set_application_flags(app, flags)

    async def kick_from_guild(self, user: User, guild: Guild) -> None:
        """Kick a user from the guild."""
        self._world.remove_member(guild, user.id)
        await self._settle()

    def _state(self, user: User) -> VoiceState:
        for guild in self._world.directory.guilds.values():
            if user.id in guild.voice_states:
                return guild.voice_states[user.id]
        raise ValueError(f"{user.name} is not in a voice channel")

    async def _settle(self) -> None:
        await self._voice.wait_until_settled()
        await self._reconnect_guests()
