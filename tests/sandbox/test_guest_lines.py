"""The recorded lines of the demonstration's guests: each has a file with sound of a plausible length."""

from __future__ import annotations

import pytest

from audio.level import rms
from sandbox.guest_lines import FOLDER, GuestLine, recorded_lines
from sandbox.speech import SPEECH_LEVEL
from sandbox.voice.opus import SAMPLE_RATE

LINES = recorded_lines()


def test_every_sound_has_its_words() -> None:
    assert {line.file for line in LINES.values()} == set(FOLDER.glob("*.opus"))


@pytest.mark.parametrize("line", LINES.values(), ids=list(LINES))
def test_a_line_has_the_length_and_loudness_of_speech(line: GuestLine) -> None:
    sound = line.read()
    words = len(line.text.split())
    assert 0.15 < len(sound) / SAMPLE_RATE / words < 0.6
    assert 0.5 < rms(sound) / SPEECH_LEVEL < 1.5
