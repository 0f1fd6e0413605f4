"""The rule by which the bot goes back into a call that its restart has interrupted. It is pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass

RETURN_LIMIT = 60.0
"""If a call ended more than this many seconds before the bot's next start, the bot does not go back by itself."""


@dataclass(frozen=True, slots=True)
class RoomNow:
    """A voice channel after the restart.

    Attributes:
        people: user ids of those who are in it.
        welcome: True if the bot may go there by itself, and if somebody there may bring it into a call.
    """

    people: frozenset[int]
    welcome: bool


def goes_back(present: frozenset[int], since: float, room: RoomNow | None) -> bool:
    """Whether the bot goes back into a call.

    It does if people of the call are still there, and nobody else: somebody new has not agreed to what goes on there.

    Args:
        present: user ids of those who were in the call.
        since: seconds from the end of the call to the start of the bot. Negative if the clock was set back meanwhile.
        room: the call's voice channel now; ``None`` if it can't be seen.
    """
    if room is None or abs(since) > RETURN_LIMIT:
        return False
    return room.welcome and bool(room.people) and room.people <= present
