"""The bank of utterances: a hundred sentences, each said by two of ten speakers."""

from __future__ import annotations

from pathlib import Path

from benchmarks.speakers.natural import SpeakerLine

SENTENCES_FILE = Path(__file__).with_name("sentences.txt")
SPEAKERS = (
    "af_heart",
    "am_michael",
    "bf_emma",
    "bm_george",
    "af_bella",
    "am_fenrir",
    "bf_isabella",
    "bm_lewis",
    "af_sarah",
    "am_puck",
)
SECOND = 3
"""The second speaker of a sentence comes so many places after the first."""


def bank() -> tuple[SpeakerLine, ...]:
    """Two hundred lines: first each sentence once, then each again by another speaker."""
    sentences = SENTENCES_FILE.read_text(encoding="utf-8").splitlines()
    return tuple(
        SpeakerLine(SPEAKERS[(number + later) % len(SPEAKERS)], text)
        for later in (0, SECOND)
        for number, text in enumerate(sentences)
    )
