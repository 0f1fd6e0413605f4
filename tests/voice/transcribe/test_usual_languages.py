"""What somebody speaks is kept for their short utterances, by turn taking and by the local recogniser."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from audio.samples import HEARING_RATE, Sound16
from bot.voice.transcribe.transcriber import Transcript, UsualLanguages
from bot.voice.transcribe.worker import Recogniser

ADA, BEN = 1, 2
LONG, SHORT = 4.0, 1.0


def sound(seconds: float) -> Sound16:
    return np.zeros(int(seconds * HEARING_RATE), np.float32)


def test_what_somebody_says_at_length_is_their_language_and_nobody_elses() -> None:
    languages = UsualLanguages()
    languages.learn(ADA, Transcript("Das ist ein langer Satz.", "de", language_probability=0.97), LONG)
    languages.learn(BEN, Transcript("This is a long sentence.", "en"), LONG)
    assert (languages.of(ADA), languages.of(BEN), languages.of(3)) == ("de", "en", None)


@pytest.mark.parametrize(
    ("transcript", "seconds"),
    [
        (Transcript("Yeah, genau.", "en", language_probability=0.9), SHORT),
        (Transcript("Hm, hm.", "cy", language_probability=0.4), LONG),
        (Transcript("", "ko", language_probability=0.9), LONG),
        (Transcript("Ja, genau.", None), LONG),
    ],
)
def test_what_tells_little_changes_nothing(transcript: Transcript, seconds: float) -> None:
    languages = UsualLanguages()
    languages.learn(ADA, Transcript("Das ist ein langer Satz.", "de"), LONG)
    languages.learn(ADA, transcript, seconds)
    assert languages.of(ADA) == "de"


def test_who_goes_over_to_another_language_is_followed() -> None:
    languages = UsualLanguages()
    languages.learn(ADA, Transcript("Das ist ein langer Satz.", "de", language_probability=0.97), LONG)
    languages.learn(ADA, Transcript("And this is another.", "en", language_probability=0.97), LONG)
    assert languages.of(ADA) == "en"


@dataclass(slots=True)
class GuessingModel:
    """A Whisper that takes everything for English, more or less surely, and writes down what it decodes in."""

    probability: float
    decoded: list[str] = field(default_factory=list)

    def transcribe(self, audio: Sound16, **options: Any) -> tuple[Iterable[Any], Any]:
        language: str | None = options["language"]
        spoken = language or "en"

        def decode() -> Iterable[Any]:
            self.decoded.append(spoken)
            yield SimpleNamespace(text=spoken, no_speech_prob=0.0, avg_logprob=-0.1, compression_ratio=1.0)

        return decode(), SimpleNamespace(language=spoken, language_probability=1.0 if language else self.probability)


@pytest.mark.parametrize(
    ("seconds", "probability", "usual", "decoded"),
    [
        (SHORT, 0.99, "de", "de"),
        (LONG, 0.5, "de", "de"),
        (LONG, 0.95, "de", "en"),
        (SHORT, 0.5, None, "en"),
        (LONG, 0.5, None, "en"),
    ],
)
def test_the_usual_language_holds_unless_the_sound_is_long_and_sure(
    seconds: float, probability: float, usual: str | None, decoded: str
) -> None:
    model = GuessingModel(probability)
    recognised = Recogniser(model, None, "int8").transcribe(sound(seconds), usual=usual)
    assert model.decoded == [decoded]
    assert recognised.language == decoded


def test_what_the_operator_has_set_holds_for_everybody() -> None:
    model = GuessingModel(0.99)
    assert Recogniser(model, "fr", "int8").transcribe(sound(LONG), usual="de").language == "fr"
