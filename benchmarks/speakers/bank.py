"""The bank of utterances: a hundred sentences, each spoken by two of ten speakers."""

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
"""Distance in :data:`SPEAKERS` from a sentence's first speaker to its second."""


def bank() -> tuple[SpeakerLine, ...]:
    """All two hundred lines: each sentence once, then each sentence again by another speaker."""
    sentences = SENTENCES_FILE.read_text(encoding="utf-8").splitlines()
    return tuple(
        SpeakerLine(SPEAKERS[(number + later) % len(SPEAKERS)], text)
        for later in (0, SECOND)
        for number, text in enumerate(sentences)
    )
