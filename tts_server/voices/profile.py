"""What a voice made from recordings is, to whoever lists it or speaks with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class UnknownVoiceError(ValueError):
    """There is no such voice, or none for that language."""


@dataclass(frozen=True, slots=True)
class VoiceProfile:
    """A voice that people made.

    Attributes:
        id: a name that is safe as a file's: lower-case letters, digits and dashes.
        name: what people call it.
        language: BCP 47 tag of what is spoken in the recordings.
        recordings: FLAC files, mono, 24,000 Hz, trimmed and at one level.
        digest: changes whenever a recording does; hexadecimal.
    """

    id: str
    name: str
    language: str
    recordings: tuple[Path, ...]
    digest: str


class Profiles(Protocol):
    """Where an engine finds the voices that people made. Both may be called on the event loop: they don't block."""

    def all(self) -> Sequence[VoiceProfile]:
        """Every voice, oldest first."""
        ...

    def get(self, voice: str) -> VoiceProfile | None:
        """The voice with this id, if there is one."""
        ...


class NoProfiles:
    """Of a server that keeps no voices."""

    def all(self) -> Sequence[VoiceProfile]:
        """None."""
        return ()

    def get(self, voice: str) -> VoiceProfile | None:
        """None."""
        return None
