"""Data classes of interactions: a command or button that was used, and the bot's responses."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from sandbox.world import payloads
from sandbox.world.entities import Application, Channel, Json, Message, User


class InteractionKind(IntEnum):
    """Kinds of interactions."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4


class CallbackKind(IntEnum):
    """Kinds of first responses."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    AUTOCOMPLETE = 8


@dataclass(slots=True, eq=False)
class Interaction:
    """One interaction and its responses.

    Attributes:
        pressed_at: the time at which the command or button was used, in monotonic seconds.
        source: the message of the button; ``None`` for commands.
        answered: the kind of the first response; ``None`` until there is one.
        answered_at: the time of the first response, in monotonic seconds.
        answer: the data of the first response, as the bot sent it.
        original: the message of the first response, which may still be "… is thinking".
        shown: all responses that can be read, in the order in which they became readable.
    """

    id: int
    kind: InteractionKind
    app: Application
    user: User
    channel: Channel
    token: str
    pressed_at: float
    source: Message | None = None
    answered: CallbackKind | None = None
    answered_at: float = 0.0
    answer: Json = field(default_factory=dict)
    original: Message | None = None
    shown: list[Message] = field(default_factory=list)

    @property
    def metadata(self) -> Json:
        """The ``interaction_metadata`` of messages that respond to the interaction."""
        return {
            "id": str(self.id),
            "type": int(self.kind),
            "user": payloads.user(self.user),
            "authorizing_integration_owners": {"0": str(self.channel.guild_id or 0)},
        }
