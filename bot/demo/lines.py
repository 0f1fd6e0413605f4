"""What the guests of the demonstration say: in recorded voices to real ears, in espeak-ng's voices to toy ones."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from sandbox.guest_lines import recorded_lines
from sandbox.speech import GUEST_VOICES, speech
from sandbox.voice.opus import Sound


@dataclass(frozen=True, slots=True, eq=False)
class SpokenLine:
    """Words that a guest says: ``sound`` is 48,000 Hz mono."""

    guest: str
    text: str
    sound: Sound


class GuestLines(Protocol):
    """Where the lines of a call come from."""

    def line(self, name: str) -> SpokenLine:
        """The line of this name. Blocks."""
        ...


_TOY_LINES = MappingProxyType(
    {
        "hello": ("Ada", "Hello there!"),
        "question": ("Ada", "How are you?"),
        "story": ("Ada", "Tell me a story."),
        "interruption": ("Ada", "What time is it?"),
        "by name": ("Ben", "Seiyuu, can you sing something?"),
        "farewell": ("Ada", "Seiyuu, leave the voice channel."),
    }
)
"""Toy ears know only their own sentences, in espeak-ng's voices."""


class SyntheticLines:
    """Lines for toy ears."""

    def line(self, name: str) -> SpokenLine:
        """The line of this name. Blocks for a tenth of a second."""
        guest, text = _TOY_LINES[name]
        return SpokenLine(guest, text, speech(text, GUEST_VOICES[guest]))


class RecordedLines:
    """Lines for real ears, in natural voices. Reads a file when it is made."""

    def __init__(self) -> None:
        self._lines = recorded_lines()

    def line(self, name: str) -> SpokenLine:
        """The line of this name. Blocks for as long as a small file takes to read."""
        recorded = self._lines[name]
        return SpokenLine(recorded.guest, recorded.text, recorded.read())
