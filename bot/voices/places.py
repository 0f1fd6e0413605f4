"""The places for which a voice is chosen: the browser, the telephone, and each Discord server that the bot is on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VoicePlace:
    """A place.

    Attributes:
        id: the id for programs: ``browser``, ``phone``, or the id of a Discord server.
        scope: the id under which its choices are stored.
        name: its name for people.
    """

    id: str
    scope: int
    name: str


Places = Callable[[], Sequence[VoicePlace]]
"""Returns all places that there are now."""
