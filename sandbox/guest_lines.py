"""Recorded lines of guests in natural voices, from ``sandbox/lines``, each with its text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audio.decode import read_sound
from config.yaml_files import read_yaml
from sandbox.voice.opus import SAMPLE_RATE, Sound

FOLDER = Path(__file__).with_name("lines")
LIST = FOLDER / "lines.yaml"


@dataclass(frozen=True, slots=True)
class GuestLine:
    """One recorded line: the guest's name, the text, and the sound file."""

    guest: str
    text: str
    file: Path

    def read(self) -> Sound:
        """Decode the file to 48,000 Hz mono. Blocks. Raises :class:`OSError`."""
        return read_sound(self.file, SAMPLE_RATE)


def recorded_lines() -> dict[str, GuestLine]:
    """Read the list of all recorded lines, by name. Blocks."""
    fields = read_yaml(LIST)
    return {
        name: GuestLine(line["guest"], line["text"], FOLDER / f"{name}.opus") for name, line in fields["lines"].items()
    }
