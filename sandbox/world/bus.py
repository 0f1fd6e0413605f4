"""What happens in the world, told to whoever listens: the gateway, the voice servers, the guests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.world.entities import Json


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A gateway event and whom it is for.

    Attributes:
        name: the event's name, ``MESSAGE_CREATE`` for example.
        data: its payload.
        guild_id: for the members of this guild…
        channel_id: …who can see this channel of it.
        only: for these users and nobody else, whatever they can see.
    """

    name: str
    data: Json
    guild_id: int | None = None
    channel_id: int | None = None
    only: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class VoiceTicket:
    """A user may enter a voice channel. The voice server asks its client for these ids and secrets.

    A client learns them from two events of the main gateway: VOICE_STATE_UPDATE and VOICE_SERVER_UPDATE.
    """

    guild_id: int
    channel_id: int
    user_id: int
    session_id: str
    token: str


@dataclass(frozen=True, slots=True)
class VoiceRevoked:
    """A user left, was moved or was kicked: the voice server must let go of them."""

    guild_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class Changed:
    """Something changed that no gateway event tells of: commands registered, an interaction answered, a bot online."""


Event = Dispatch | VoiceTicket | VoiceRevoked | Changed
Listener = Callable[[Event], None]


class Bus:
    """Calls every listener, in the order they came, for each event, before ``publish`` returns."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; returns what takes it away again."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def publish(self, event: Event) -> None:
        """Tell everybody."""
        for listener in tuple(self._listeners):
            listener(event)
