"""A whole Discord as plain state: no sockets, no tasks, no files. What happens in it is told on its bus."""

from __future__ import annotations

import time
from collections.abc import Callable

from sandbox.world import payloads
from sandbox.world.bus import Bus, Event, Listener
from sandbox.world.commands import Commands
from sandbox.world.directory import Directory
from sandbox.world.entities import Channel, Guild, Json, VoiceState
from sandbox.world.interactions import Interactions
from sandbox.world.messages import Messages
from sandbox.world.pictures import Pictures
from sandbox.world.presences import Presences
from sandbox.world.voice_states import VoiceStates
from sandbox.world.webhooks import Webhooks


class World:
    """The parts of a Discord, put together. Belongs to one thread.

    Args:
        wall_clock: seconds since 1970, for ids and timestamps.
        clock: monotonic seconds, for deadlines.

    Attributes:
        directory: users, applications, guilds, roles, members, channels.
        messages: what is written.
        voice: who is in which voice channel.
        commands: the slash commands.
        interactions: commands and buttons in use.
        webhooks: the webhooks.
        pictures: changes of users' pictures.
        presences: who is online, and doing what.
        voice_endpoint: ``host:port`` of the voice server, ``None`` while there is none.
    """

    def __init__(self, *, wall_clock: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic):
        self._bus = Bus()
        self.directory = Directory(self._bus, wall_clock)
        self.messages = Messages(self.directory)
        self.voice = VoiceStates(self.directory)
        self.commands = Commands(self.directory)
        self.interactions = Interactions(self.directory, self.messages, self.commands, clock)
        self.webhooks = Webhooks(self.directory, self.messages)
        self.pictures = Pictures(self.directory, clock)
        self.presences = Presences(self.directory)
        self.voice_endpoint: str | None = None

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear every event, before the call that caused it returns; the result ends that."""
        return self._bus.subscribe(listener)

    def publish(self, event: Event) -> None:
        """Tell every subscriber of something that a server next to the world has done."""
        self._bus.publish(event)

    def join_voice(self, user_id: int, channel_id: int) -> tuple[Json, Json]:
        """Put a user into a voice channel, for a client that has no gateway here.

        Returns:
            The payloads of ``VOICE_STATE_UPDATE`` and ``VOICE_SERVER_UPDATE``, such as the adapter of another voice
            library wants them. The voice server lets the client in a moment later: see ``Sandbox.join_voice``.

        Raises:
            RestError: no voice channel, full, or not allowed.
        """
        state = self.voice.join(user_id, channel_id)
        return payloads.voice_state(state, channel_id=state.channel_id), self.voice_server(state)

    def leave_voice(self, guild_id: int, user_id: int) -> None:
        """Take a user out of their voice channel."""
        self.voice.leave(guild_id, user_id)

    def delete_channel(self, channel: Channel) -> None:
        """Delete a channel; whoever is in it is put out of it."""
        if channel.kind.is_voice:
            for state in self.voice.inside(channel):
                self.voice.leave(state.guild_id, state.member.user.id)
        self.directory.delete_channel(channel)

    def remove_member(self, guild: Guild, user_id: int) -> None:
        """Put somebody off a guild, out of its voice channels first."""
        self.voice.leave(guild.id, user_id)
        self.directory.remove_member(guild, user_id)

    def voice_server(self, state: VoiceState) -> Json:
        """The payload that tells the owner of a voice state where to connect."""
        return payloads.voice_server(state.guild_id, state.token, self.voice_endpoint)
