"""Tests of usual languages: they are learned from long turns, and used for short ones by the local recogniser."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from audio.samples import HEARING_RATE, Sound16
from bot.voice.transcribe.recogniser import Recogniser
from bot.voice.transcribe.transcriber import Transcript, UsualLanguages

ADA, BEN = 1, 2
LONG, SHORT = 4.0, 1.0


def sound(seconds: float) -> Sound16:
    return np.zeros(int(seconds * HEARING_RATE), np.float32)


def test_the_language_of_a_long_turn_is_the_usual_language_of_its_speaker_alone() -> None:
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
def test_a_short_or_uncertain_transcript_changes_nothing(transcript: Transcript, seconds: float) -> None:
    languages = UsualLanguages()
    languages.learn(ADA, Transcript("Das ist ein langer Satz.", "de"), LONG)
    languages.learn(ADA, transcript, seconds)
    assert languages.of(ADA) == "de"


def test_the_usual_language_changes_when_its_speaker_changes_languages() -> None:
    languages = UsualLanguages()
    languages.learn(ADA, Transcript("Das ist ein langer Satz.", "de", language_probability=0.97), LONG)
    languages.learn(ADA, Transcript("And this is another.", "en", language_probability=0.97), LONG)
    assert languages.of(ADA) == "en"


@dataclass(slots=True)
class GuessingModel:
    """A model that detects English in every sound, with a given probability. It keeps the languages that it decodes."""

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
def test_the_usual_language_is_used_unless_the_sound_is_long_and_its_language_certain(
    seconds: float, probability: float, usual: str | None, decoded: str
) -> None:
    model = GuessingModel(probability)
    recognised = Recogniser(model, None, "int8").transcribe(sound(seconds), usual=usual)
    assert model.decoded == [decoded]
    assert recognised.language == decoded


def test_the_language_of_the_settings_is_used_for_everybody() -> None:
    model = GuessingModel(0.99)
    assert Recogniser(model, "fr", "int8").transcribe(sound(LONG), usual="de").language == "fr"
