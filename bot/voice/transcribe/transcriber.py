"""The seam between a conversation and whatever turns its sound into text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from audio.samples import HEARING_RATE, Sound16


class Urgency(IntEnum):
    """What a slow transcriber drops first: the lowest, and of those the oldest. Final turns are never dropped."""

    INTERIM = 0
    """A turn that still goes on: are there words in it?"""
    SPECULATION = 1
    """A turn that may be over."""
    FINAL = 2
    """A turn that is over."""


@dataclass(frozen=True, slots=True, eq=False)
class TranscriptionRequest:
    """Sound to be transcribed. ``hot_words`` are names and terms that are likely to be said.

    ``language`` is what the speaker usually speaks, as Whisper's code: it decides where the sound can't tell.
    """

    sound: Sound16
    urgency: Urgency
    hot_words: tuple[str, ...] = ()
    language: str | None = None

    @property
    def seconds(self) -> float:
        """How long the sound is."""
        return len(self.sound) / HEARING_RATE


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said; ``text`` is empty where nothing was. ``seconds`` is how long it took, queueing included.

    ``language`` is Whisper's code, where it is known; ``language_probability`` how likely it is, where that is told.
    """

    text: str
    language: str | None = None
    seconds: float = 0.0
    language_probability: float | None = None


class TranscriptionError(Exception):
    """The sound could not be transcribed; the text says why, for people."""


class TranscriptionShed(TranscriptionError):  # noqa: N818
    """Speculation was given up, in favour of other requests or because it failed: ask again if the turn is over."""


class Transcriber(Protocol):
    """Speech to text. Belongs to the event loop; a call that is cancelled is dropped, or its result is."""

    async def warm_up(self) -> None:
        """Get ready to transcribe at once; raises :class:`TranscriptionError`."""
        ...

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        """Transcribe; raises :class:`TranscriptionError`."""
        ...

    async def rest(self) -> None:
        """No call is on: give memory back, at once or after a while."""
        ...

    async def close(self) -> None:
        """End everything it started."""
        ...

    async def problem(self) -> str | None:
        """What keeps it from being used now, in words for people; ``None`` where nothing does. Loads nothing."""
        ...

    def describe(self) -> str:
        """What it is and where it runs, for people."""
        ...
