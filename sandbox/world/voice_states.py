"""Voice states: who is in which voice channel, and who is muted, deafened or suppressed."""

from __future__ import annotations

import secrets

from sandbox.world import payloads
from sandbox.world.bus import Dispatch, VoiceRevoked, VoiceTicket
from sandbox.world.directory import Directory
from sandbox.world.entities import Channel, ChannelKind, Guild, VoiceState
from sandbox.world.errors import RestError, unknown, wrong_channel_type
from sandbox.world.permissions import Permission


class VoiceStates:
    """All voice states. The events of a change tell the voice server whom to accept and whom to disconnect."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def find(self, guild_id: int, user_id: int) -> VoiceState | None:
        """A member's voice state, or ``None`` if they are not in a voice channel."""
        guild = self._directory.guilds.get(guild_id)
        return guild.voice_states.get(user_id) if guild else None

    def get(self, guild_id: int, user_id: int) -> VoiceState:
        """A member's voice state. Error 10065 if they are not in a voice channel."""
        state = self.find(guild_id, user_id)
        if state is None:
            raise unknown("Voice State")
        return state

    def inside(self, channel: Channel) -> list[VoiceState]:
        """The voice states of a channel."""
        guild = self._directory.guild(channel.guild_id or 0)
        return [state for state in guild.voice_states.values() if state.channel_id == channel.id]

    def join(self, user_id: int, channel_id: int, *, self_mute: bool = False, self_deaf: bool = False) -> VoiceState:
        """Put a user into a voice channel. If they are in it already, only set ``self_mute`` and ``self_deaf``.

        Raises:
            RestError: the channel is not a voice channel, it is full, or the user may not see or enter it.
        """
        channel = self._voice_channel(channel_id)
        guild = self._directory.guild(channel.guild_id or 0)
        state = guild.voice_states.get(user_id)
        if state is not None and state.channel_id == channel.id:
            state.self_mute, state.self_deaf = self_mute, self_deaf
            self._announce(state)
            return state
        self._directory.require(user_id, channel, Permission.CONNECT)
        self._require_room(user_id, channel)
        if state is None:
            member = self._directory.member(guild.id, user_id)
            state = VoiceState(member, guild.id, channel.id, secrets.token_hex(16), token="")
        state.self_mute, state.self_deaf = self_mute, self_deaf
        self._enter(guild, state, channel)
        return state

    def leave(self, guild_id: int, user_id: int) -> None:
        """Remove a user from their voice channel, if they are in one."""
        guild = self._directory.guild(guild_id)
        state = guild.voice_states.pop(user_id, None)
        if state is None:
            return
        data = payloads.voice_state(state, channel_id=None)
        self._directory.bus.publish(Dispatch("VOICE_STATE_UPDATE", data, guild_id))
        self._directory.bus.publish(VoiceRevoked(guild_id, user_id))

    def move(self, guild_id: int, user_id: int, channel_id: int) -> VoiceState:
        """Move a user to another voice channel, even a full one."""
        state = self.get(guild_id, user_id)
        channel = self._voice_channel(channel_id)
        if channel.id != state.channel_id:
            self._enter(self._directory.guild(guild_id), state, channel)
        return state

    def set_mute(self, guild_id: int, user_id: int, mute: bool) -> None:
        """Mute a member for everybody, or unmute them."""
        state = self.get(guild_id, user_id)
        state.member.mute = mute
        self._announce(state)

    def set_deaf(self, guild_id: int, user_id: int, deaf: bool) -> None:
        """Deafen a member, or undeafen them."""
        state = self.get(guild_id, user_id)
        state.member.deaf = deaf
        self._announce(state)

    def set_suppress(self, guild_id: int, user_id: int, suppress: bool) -> None:
        """Move a member of a stage to the audience or to the speakers."""
        state = self.get(guild_id, user_id)
        if self._directory.channel(state.channel_id).kind is not ChannelKind.STAGE:
            raise wrong_channel_type()
        state.suppress, state.request_to_speak_at = suppress, None
        self._announce(state)

    def raise_hand(self, guild_id: int, user_id: int, timestamp: str | None) -> None:
        """Ask to speak on a stage. ``None`` withdraws the request."""
        state = self.get(guild_id, user_id)
        state.request_to_speak_at = timestamp
        self._announce(state)

    def renew_token(self, state: VoiceState) -> None:
        """Give a member a new token, for another voice server."""
        state.token = secrets.token_hex(16)
        self._grant(state)

    def _enter(self, guild: Guild, state: VoiceState, channel: Channel) -> None:
        if state.member.user.id in guild.voice_states:
            self._directory.bus.publish(VoiceRevoked(guild.id, state.member.user.id))
        state.channel_id = channel.id
        state.token = secrets.token_hex(16)
        state.suppress = self._cannot_speak(guild, state, channel)
        state.request_to_speak_at = None
        guild.voice_states[state.member.user.id] = state
        self._announce(state)
        self._grant(state)

    def _cannot_speak(self, guild: Guild, state: VoiceState, channel: Channel) -> bool:
        allowed = self._directory.permissions(state.member.user.id, channel)
        if channel.kind is ChannelKind.STAGE or channel.id == guild.afk_channel_id:
            return True
        return Permission.SPEAK not in allowed

    def _require_room(self, user_id: int, channel: Channel) -> None:
        full = channel.user_limit and len(self.inside(channel)) >= channel.user_limit
        if full and Permission.MOVE_MEMBERS not in self._directory.permissions(user_id, channel):
            # Over the gateway, Discord does not tell a bot that a channel is full. Only guests get this error.
            raise RestError(400, 0, "Voice channel is full")

    def _voice_channel(self, channel_id: int) -> Channel:
        channel = self._directory.channel(channel_id)
        if not channel.kind.is_voice:
            raise wrong_channel_type()
        return channel

    def _grant(self, state: VoiceState) -> None:
        self._directory.bus.publish(VoiceTicket.of(state))

    def _announce(self, state: VoiceState) -> None:
        data = payloads.voice_state(state, channel_id=state.channel_id)
        self._directory.bus.publish(Dispatch("VOICE_STATE_UPDATE", data, state.guild_id))
