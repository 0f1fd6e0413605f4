"""Events of the sandbox's state and the bus that delivers them to gateway, voice servers and guests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.world.entities import Json, VoiceState


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A gateway event and its receivers.

    Attributes:
        name: the event's name, such as ``MESSAGE_CREATE``.
        data: the payload.
        guild_id: the event is for the members of this guild.
        channel_id: the event is for those members who can see this channel.
        only: the event is for these users alone, even if they can't see the channel.
    """

    name: str
    data: Json
    guild_id: int | None = None
    channel_id: int | None = None
    only: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class VoiceTicket:
    """The permission of a user to connect to a voice channel.

    The voice server checks that a client sends these ids and this token. A client gets them from two events of the main
    gateway: VOICE_STATE_UPDATE and VOICE_SERVER_UPDATE.
    """

    guild_id: int
    channel_id: int
    user_id: int
    session_id: str
    token: str

    @classmethod
    def of(cls, state: VoiceState) -> VoiceTicket:
        """Make the ticket for a voice state."""
        return cls(state.guild_id, state.channel_id, state.member.user.id, state.session_id, state.token)


@dataclass(frozen=True, slots=True)
class VoiceRevoked:
    """A user has left, was moved or was kicked. The voice server has to disconnect them."""

    guild_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class StateChanged:
    """A change without a gateway event, such as a registered command, an answered interaction or a bot's login."""


Event = Dispatch | VoiceTicket | VoiceRevoked | StateChanged
Listener = Callable[[Event], None]


class Bus:
    """Delivers events. ``publish`` calls all listeners, in the order of their subscription, before it returns."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; returns a function that removes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def publish(self, event: Event) -> None:
        """Deliver an event to all listeners."""
        for listener in tuple(self._listeners):
            listener(event)
