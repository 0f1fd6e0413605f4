"""Tests of the transcriber process with a model that gets stuck in a loop."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np

from audio.samples import HEARING_RATE, Sound16
from bot.voice.transcribe.worker import FEWEST_TOKENS, Recogniser

STUCK, RIGHT = " Dallad, Dallad, Dallad, Dallad,", " Followed by the pound key."


class StuckModel:
    """A model that is stuck in a loop at temperatures below ``leaves_at``."""

    def __init__(self, leaves_at: float) -> None:
        self._leaves_at = leaves_at
        self.asked: list[dict[str, Any]] = []

    def transcribe(self, audio: Sound16, **options: Any) -> tuple[Iterable[Any], Any]:
        self.asked.append(options)
        stuck = options["temperature"] < self._leaves_at
        text, tokens = (STUCK, FEWEST_TOKENS) if stuck else (RIGHT, 6)
        segment = SimpleNamespace(
            text=text, no_speech_prob=0.01, avg_logprob=-0.4, compression_ratio=1.6, tokens=[1] * tokens
        )
        return iter([segment]), SimpleNamespace(language="en", language_probability=0.99)


def heard(model: StuckModel) -> tuple[str, bool]:
    sound = np.zeros(HEARING_RATE, np.float32)
    (segment,) = Recogniser(model, None, "int8").transcribe(sound, "Ada").segments
    return segment.text, segment.cut_off


def test_a_sound_that_made_a_loop_is_recognised_again() -> None:
    model = StuckModel(leaves_at=0.1)
    assert heard(model) == (RIGHT, False)
    first, second = model.asked
    assert (first["temperature"], first["language"]) == (0.0, None)
    assert second["temperature"] > 0
    assert second["language"] == "en", "the language was detected before"


def test_a_loop_that_stays_is_marked_as_cut_off() -> None:
    model = StuckModel(leaves_at=9.0)
    assert heard(model) == (STUCK, True)
    assert 1 < len(model.asked) <= 3


def test_a_sound_without_a_loop_is_recognised_once() -> None:
    model = StuckModel(leaves_at=0.0)
    assert heard(model) == (RIGHT, False)
    assert len(model.asked) == 1
