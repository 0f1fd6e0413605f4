"""The events of the connection to the speech server: its messages, sound, and changes of the connection."""

from __future__ import annotations

from dataclasses import dataclass

from audio.samples import Samples
from wire.messages import ServerMessage


@dataclass(frozen=True, slots=True, eq=False)
class SegmentAudio:
    """A piece of sound of one segment: mono float32 at 48,000 Hz."""

    reply: str | None
    segment: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection was restored. All earlier requests are lost."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection was lost, and with it all unfinished replies.

    Attributes:
        replaced: whether there is already a connection to another server, which can speak the rest of a reply. That
            server gets only the messages that are sent after this event.
    """

    reason: str
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class ServerMoved:
    """Another of several servers speaks from now on. ``text`` says so to people."""

    text: str


SpeechEvent = ServerMessage | SegmentAudio | Connected | Disconnected | ServerMoved
