"""What travels to whoever keeps conversations: where something was said, by whom, and when."""

from __future__ import annotations

from dataclasses import dataclass

CALL, CHAT = "discord", "chat"
"""What carries a conversation: a call on Discord, or writing there."""


@dataclass(frozen=True, slots=True)
class Place:
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


@dataclass(frozen=True, slots=True)
class Said:
    """One turn. ``person`` is the id of who said it, ``None`` the bot; ``at`` in seconds since 1970.

    ``interrupted``: more was to be said, and only this much was heard.
    """

    person: int | None
    who: str
    text: str
    at: float
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """Somebody wrote something, and the bot answered."""

    place: Place
    person: int
    name: str
    asked: str
    bot_name: str
    answered: str
    interrupted: bool = False
