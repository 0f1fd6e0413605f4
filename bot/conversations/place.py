"""Where a conversation is that is kept."""

from __future__ import annotations

from dataclasses import dataclass

CHAT = "chat"
"""What carries a conversation that is written; a call is carried by its transport."""


@dataclass(frozen=True, slots=True)
class ConversationPlace:
    """Where a conversation is.

    Attributes:
        transport: what carries it.
        name: for people.
        server: Discord's id of the server; ``None`` in private, and where there is none.
        channel: the id of the text channel that belongs to it, where there is one.
    """

    transport: str
    name: str
    server: int | None = None
    channel: int | None = None
