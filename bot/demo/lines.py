"""The lines that the demonstration's guests say, recorded or spoken by espeak-ng."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from sandbox.guest_lines import recorded_lines
from sandbox.speech import GUEST_VOICES, speech
from sandbox.voice.opus import Sound


@dataclass(frozen=True, slots=True, eq=False)
class SpokenLine:
    """Words that a guest says.

    Attributes:
        sound: the speech, 48,000 Hz mono.
    """

    guest: str
    text: str
    sound: Sound


class GuestLines(Protocol):
    """Source of the lines that guests say in a call."""

    def line(self, name: str) -> SpokenLine:
        """The line with this name. Blocks."""
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
"""Guest and words of each line. The toy Whisper recognises only a few sentences, spoken by espeak-ng's voices."""


class SyntheticLines:
    """Lines for the toy Whisper, spoken by espeak-ng."""

    def line(self, name: str) -> SpokenLine:
        """The line with this name. Blocks for a tenth of a second."""
        guest, text = _TOY_LINES[name]
        return SpokenLine(guest, text, speech(text, GUEST_VOICES[guest]))


class RecordedLines:
    """Recorded lines in natural voices, for real speech recognition. The constructor reads a file."""

    def __init__(self) -> None:
        self._lines = recorded_lines()

    def line(self, name: str) -> SpokenLine:
        """The line with this name. Blocks while a small file is read."""
        recorded = self._lines[name]
        return SpokenLine(recorded.guest, recorded.text, recorded.read())
