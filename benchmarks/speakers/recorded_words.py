"""Recorded German words: those that one person says in KDE's game KTuberling (Debian's ``ktuberling-data``).

No package of Debian has whole German sentences of a person. So five words in a row make a turn.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio.decode import read_sound
from audio.level import at_level
from benchmarks.speakers.recorded import unpacked
from benchmarks.speakers.trim import trimmed
from sandbox.speech import SPEECH_LEVEL
from sandbox.voice.opus import SAMPLE_RATE, Sound

PACKAGE = "ktuberling-data"
TEXTS_FILE = Path(__file__).with_name("words_de.tsv")
"""The names of the recordings, and what is said in them."""
WORDS_IN_TURN = 5
ORDERS = 3
"""Each word is said this many times, each time in a turn with other words."""
BETWEEN = 0.2
"""Seconds of silence between two words."""
_VOICED = 0.02
"""Samples above this level are speech: these recordings have more noise than others."""


@dataclass(frozen=True, slots=True, eq=False)
class SpokenWords:
    """Words in a row: the text and the sound (48,000 Hz mono)."""

    text: str
    sound: Sound


def german_words(folder: Path) -> list[SpokenWords]:
    """Turns of five German words. The package is unpacked into ``folder``, not installed. Blocks.

    Raises:
        SpeakersError: the package can't be downloaded.
    """
    sounds = unpacked((PACKAGE,), folder) / "usr/share/ktuberling/sounds/de"
    lines = TEXTS_FILE.read_text(encoding="utf-8").splitlines()
    texts = dict(line.split("\t") for line in lines)
    words = {name: _read(sounds / f"{name}.ogg") for name in texts}
    turns = []
    for seed in range(ORDERS):
        names = random.Random(seed).sample(list(texts), len(texts))
        for at in range(0, len(names) - WORDS_IN_TURN + 1, WORDS_IN_TURN):
            chosen = names[at : at + WORDS_IN_TURN]
            turns.append(SpokenWords(", ".join(texts[name] for name in chosen), _joined([words[n] for n in chosen])))
    return turns


def _read(file: Path) -> Sound:
    """The word, without the silence around it, at the level of the guests' speech."""
    return at_level(trimmed(read_sound(file, SAMPLE_RATE), _VOICED), SPEECH_LEVEL)


def _joined(words: list[Sound]) -> Sound:
    silence = np.zeros(round(BETWEEN * SAMPLE_RATE), np.float32)
    return np.concatenate([piece for word in words for piece in (silence, word)][1:])
