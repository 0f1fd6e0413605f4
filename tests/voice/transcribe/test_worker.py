"""Tests of the transcriber process with a model that gets stuck in a loop."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from audio.samples import HEARING_RATE, Sound16
from bot.voice.transcribe.recogniser import LEAD, MIN_TOKENS, SHORT_CONTEXT, Recogniser

STUCK, RIGHT = " Dallad, Dallad, Dallad, Dallad,", " Followed by the pound key."


class StuckModel:
    """A model that is stuck in a loop at temperatures below ``leaves_at``, and in contexts shorter than ``fits``.

    ``log_probability`` is the mean log probability of its text. ``no_speech`` is the probability that there is no
    speech in the sound. If the encoder does not get all seconds of the context, the text is ``text``.
    """

    def __init__(
        self,
        leaves_at: float,
        fits: float = 0.0,
        log_probability: float = -0.2,
        no_speech: float = 0.01,
        text: str = RIGHT,
    ) -> None:
        self._text = text
        self._leaves_at = leaves_at
        self._fits = fits
        self._log_probability = log_probability
        self._no_speech = no_speech
        self.asked: list[dict[str, Any]] = []

    def transcribe(self, audio: Sound16, **options: Any) -> tuple[Iterable[Any], Any]:
        self.asked.append({"audio": audio, **options})
        stuck = options["temperature"] < self._leaves_at or options["context_seconds"] < self._fits
        right = self._text if options["encoded_seconds"] < options["context_seconds"] else RIGHT
        text, tokens = (STUCK, MIN_TOKENS) if stuck else (right, 6)
        segment = SimpleNamespace(
            text=text,
            no_speech_prob=self._no_speech,
            avg_logprob=self._log_probability,
            compression_ratio=1.6,
            tokens=[1] * tokens,
            words=[SimpleNamespace(word=" One,", start=LEAD / HEARING_RATE + 0.5, end=LEAD / HEARING_RATE + 0.75)]
            if options.get("word_timestamps")
            else None,
        )
        return iter([segment]), SimpleNamespace(language="en", language_probability=0.99)


def heard(model: StuckModel, seconds: float = 1.0) -> tuple[str, bool]:
    sound = np.zeros(round(seconds * HEARING_RATE), np.float32)
    (segment,) = Recogniser(model, None, "int8").transcribe(sound, "Ada").segments
    return segment.text, segment.cut_off


def test_a_sound_that_made_a_loop_is_recognised_again() -> None:
    model = StuckModel(leaves_at=0.1)
    assert heard(model) == (RIGHT, False)
    first, *_, last = model.asked
    assert (first["temperature"], first["language"]) == (0.0, None)
    assert last["temperature"] > 0
    assert last["language"] == "en", "the language was detected before"


def test_a_loop_that_stays_is_marked_as_cut_off() -> None:
    model = StuckModel(leaves_at=9.0)
    assert heard(model) == (STUCK, True)
    assert 1 < len(model.asked) <= 4


@pytest.mark.parametrize(
    ("seconds", "encoded", "context"),
    [
        (0.5, 3, SHORT_CONTEXT),
        (8.0, 9.25, SHORT_CONTEXT),
        (12.0, 13.25, SHORT_CONTEXT),
        (12.1, 13.35, 30),
        (28.5, 29.75, 30),
        (29, 30, 30),
        (40, 30, 30),
    ],
)
def test_the_context_fits_the_sound(seconds: float, encoded: float, context: float) -> None:
    model = StuckModel(leaves_at=0.0)
    heard(model, seconds)
    (options,) = model.asked
    assert (options["encoded_seconds"], options["context_seconds"]) == (pytest.approx(encoded), context)


@pytest.mark.parametrize(
    ("text", "attempts"),
    [
        (" What time is it? What time is it?", 2),
        (" Which planet is closest to the sun? Which planet is", 2),
        (" What is the time? What is new?", 1),
        (" No, no.", 1),
    ],
)
def test_a_sentence_that_is_written_twice_is_recognised_with_the_whole_context(text: str, attempts: int) -> None:
    model = StuckModel(leaves_at=0.0, text=text)
    assert heard(model) == (text if attempts == 1 else RIGHT, False)
    assert len(model.asked) == attempts
    assert model.asked[-1]["temperature"] == 0.0


def test_a_loop_in_the_short_context_is_recognised_with_the_long_one_at_the_same_temperature() -> None:
    model = StuckModel(leaves_at=0.0, fits=30.0)
    assert heard(model) == (RIGHT, False)
    first, second = model.asked
    assert (first["context_seconds"], second["context_seconds"]) == (SHORT_CONTEXT, 30.0)
    assert second["encoded_seconds"] == 30.0
    assert second["temperature"] == 0.0


@pytest.mark.parametrize(
    ("log_probability", "no_speech", "contexts"),
    [(-0.3, 0.01, [15.0]), (-0.4, 0.01, [15.0, 30.0]), (-0.4, 0.9, [15.0])],
    ids=["probable", "improbable", "improbable, but noise"],
)
def test_improbable_text_of_the_short_context_is_recognised_once_more(
    log_probability: float, no_speech: float, contexts: list[float]
) -> None:
    model = StuckModel(leaves_at=0.0, log_probability=log_probability, no_speech=no_speech)
    heard(model)
    assert [one["context_seconds"] for one in model.asked] == contexts


@pytest.mark.parametrize("model", [StuckModel(leaves_at=9.0), StuckModel(leaves_at=0.0, log_probability=-0.9)])
def test_words_of_somebody_who_still_speaks_are_recognised_only_once(model: StuckModel) -> None:
    Recogniser(model, None, "int8").transcribe(np.zeros(HEARING_RATE, np.float32), once=True)
    assert len(model.asked) == 1


def test_there_is_silence_before_a_sound_that_begins_at_once() -> None:
    model = StuckModel(leaves_at=0.0)
    Recogniser(model, None, "int8").transcribe(np.ones(HEARING_RATE, np.float32))
    (asked,) = model.asked
    assert np.flatnonzero(asked["audio"])[0] == LEAD


def test_a_sound_without_a_loop_is_recognised_once() -> None:
    model = StuckModel(leaves_at=0.0)
    assert heard(model) == (RIGHT, False)
    assert len(model.asked) == 1


def test_the_times_of_words_are_those_of_the_sound_without_the_silence_before_it() -> None:
    model = StuckModel(leaves_at=0.0)
    sound = np.zeros(HEARING_RATE, np.float32)
    assert Recogniser(model, None, "int8").transcribe(sound, word_times=True).words == [("One,", 0.5, 0.75)]
    assert len(model.asked) == 2, "the words are measured with the whole context"
    assert Recogniser(model, None, "int8").transcribe(sound).words == []
