"""An interaction: what somebody pressed, and what has come of it. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from sandbox.world import payloads
from sandbox.world.entities import Application, Channel, Json, Message, User


class InteractionKind(IntEnum):
    """What was pressed."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4


class CallbackKind(IntEnum):
    """How the bot answers first."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    AUTOCOMPLETE = 8


@dataclass(slots=True, eq=False)
class Interaction:
    """One press and what has come of it.

    Attributes:
        pressed_at: when, in monotonic seconds.
        source: the message whose button it was.
        answered: the kind of the first answer, ``None`` until there is one.
        answered_at: when that came.
        answer: the data of the first answer, as it came.
        original: the message of the first answer, perhaps still "is thinking…".
        shown: every message that answers it and can be read, in the order they first could.
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
        """What messages that answer it say about it."""
        return {
            "id": str(self.id),
            "type": int(self.kind),
            "user": payloads.user(self.user),
            "authorizing_integration_owners": {"0": str(self.channel.guild_id or 0)},
        }
