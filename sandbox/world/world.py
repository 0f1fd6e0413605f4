"""The whole state of the simulated Discord; it uses no sockets, tasks or files. Its bus delivers all events."""

from __future__ import annotations

import time
from collections.abc import Callable

from sandbox.world import payloads
from sandbox.world.avatars import Avatars
from sandbox.world.bus import Bus, Event, Listener
from sandbox.world.commands import Commands
from sandbox.world.directory import Directory
from sandbox.world.entities import Channel, Guild, Json, VoiceState
from sandbox.world.interactions import Interactions
from sandbox.world.messages import Messages
from sandbox.world.presences import Presences
from sandbox.world.voice_states import VoiceStates
from sandbox.world.webhooks import Webhooks


class World:
    """The parts of the state, put together. Not thread-safe.

    Args:
        wall_clock: seconds since 1970, for ids and timestamps.
        clock: returns monotonic seconds, for deadlines.

    Attributes:
        directory: users, applications, guilds, roles, members, channels.
        messages: messages and reactions.
        voice: voice states.
        commands: slash commands.
        interactions: uses of commands and buttons.
        webhooks: webhooks.
        avatars: changes of users' avatars.
        presences: users' presences.
        voice_endpoint: ``host:port`` of the voice server; ``None`` while there is none.
        gateway_endpoint: ``host:port`` at which bots are told to reach the gateway; ``None`` for the address of the
            REST API.
    """

    def __init__(self, *, wall_clock: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic):
        self._bus = Bus()
        self.directory = Directory(self._bus, wall_clock)
        self.messages = Messages(self.directory)
        self.voice = VoiceStates(self.directory)
        self.commands = Commands(self.directory)
        self.interactions = Interactions(self.directory, self.messages, self.commands, clock)
        self.webhooks = Webhooks(self.directory, self.messages)
        self.avatars = Avatars(self.directory, clock)
        self.presences = Presences(self.directory)
        self.voice_endpoint: str | None = None
        self.gateway_endpoint: str | None = None

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; returns a function that removes it.

        The listener is called synchronously, before the method that caused the event returns.
        """
        return self._bus.subscribe(listener)

    def publish(self, event: Event) -> None:
        """Deliver an event from the gateway or from the voice server."""
        self._bus.publish(event)

    def join_voice(self, user_id: int, channel_id: int) -> tuple[Json, Json]:
        """Put a user into a voice channel, for a client without a gateway connection.

        Returns:
            The payloads of ``VOICE_STATE_UPDATE`` and ``VOICE_SERVER_UPDATE`` that the gateway would send. A voice
            library without a gateway connection needs them to connect. When this method returns, the voice server does
            not accept the client yet. It does a moment later, and ``Sandbox.join_voice`` waits for that.

        Raises:
            RestError: the channel is not a voice channel, it is full, or the user may not enter it.
        """
        state = self.voice.join(user_id, channel_id)
        return payloads.voice_state(state, channel_id=state.channel_id), self.voice_server(state)

    def leave_voice(self, guild_id: int, user_id: int) -> None:
        """Remove a user from their voice channel."""
        self.voice.leave(guild_id, user_id)

    def delete_channel(self, channel: Channel) -> None:
        """Delete a channel. Everybody in it is disconnected."""
        if channel.kind.is_voice:
            for state in self.voice.inside(channel):
                self.voice.leave(state.guild_id, state.member.user.id)
        self.directory.delete_channel(channel)

    def remove_member(self, guild: Guild, user_id: int) -> None:
        """Remove a user from a guild, after disconnecting them from voice."""
        self.voice.leave(guild.id, user_id)
        self.directory.remove_member(guild, user_id)

    def voice_server(self, state: VoiceState) -> Json:
        """The payload of VOICE_SERVER_UPDATE for a member in a voice channel."""
        return payloads.voice_server(state.guild_id, state.token, self.voice_endpoint)
