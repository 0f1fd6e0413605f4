"""Tests of how the end-of-turn benchmark cuts natural speech at its own pauses, and lengthens them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.end_of_turn_sentences import NATURAL_SENTENCES, Sentence
from benchmarks.end_of_turn_speech import VOICED_LEVEL
from benchmarks.end_of_turn_voices import cut_at_pauses, with_commas, with_pauses
from sandbox.voice.opus import SAMPLE_RATE, Sound

LOUD, BREATH = 0.1, 0.001


def tone(seconds: float, level: float) -> Sound:
    """A sound whose level is the same everywhere."""
    return (level * np.where(np.arange(round(seconds * SAMPLE_RATE)) % 2, 1, -1)).astype(np.float32)


def sentence() -> Sound:
    """One second of words, a pause, and one second of words. The first words have a short gap, as in a "t"."""
    words = [tone(0.3, LOUD), tone(0.04, BREATH), tone(0.66, LOUD)]
    return np.concatenate([tone(0.2, BREATH), *words, tone(0.2, BREATH), tone(1.0, LOUD), tone(0.1, BREATH)])


def test_a_sentence_is_cut_where_the_person_pauses() -> None:
    speech = cut_at_pauses(sentence(), ["Let me put", "this here."])
    assert [part.words for part in speech.parts] == ["Let me put", "this here."]
    begins = [part.begin / SAMPLE_RATE for part in speech.parts]
    ends = [part.end / SAMPLE_RATE for part in speech.parts]
    assert begins == pytest.approx([0.0, 1.2], abs=0.01)
    assert ends == pytest.approx([1.0, 2.2], abs=0.01)
    assert len(speech.sound) == speech.end


def test_a_sentence_without_a_pause_is_not_cut() -> None:
    (part,) = cut_at_pauses(tone(2.0, LOUD), ["Let me put", "this here."]).parts
    assert part.words == "Let me put this here."


def test_a_pause_far_from_the_marked_place_does_not_count() -> None:
    parts = cut_at_pauses(sentence(), ["Let", "me put all of this and that right here."]).parts
    assert len(parts) == 1


def test_a_pause_is_lengthened_and_the_words_stay_as_they_are() -> None:
    spoken = cut_at_pauses(sentence(), ["Let me put", "this here."])
    long = with_pauses(spoken, [0.8], 1.5)
    first, second = long.parts
    assert (second.begin - first.end) / SAMPLE_RATE == pytest.approx(0.8)
    for before, after in zip(spoken.parts, long.parts, strict=True):
        assert np.array_equal(spoken.sound[before.begin : before.end], long.sound[after.begin : after.end])
    assert (len(long.sound) - long.end) / SAMPLE_RATE == pytest.approx(1.5)
    assert np.abs(long.sound[first.end : second.begin]).max() < VOICED_LEVEL


def test_a_pause_that_is_long_enough_stays() -> None:
    spoken = cut_at_pauses(sentence(), ["Let me put", "this here."])
    assert np.array_equal(with_pauses(spoken, [0.1], 0.0).sound, spoken.sound)


def test_a_marked_pause_without_a_comma_gets_one() -> None:
    assert (
        with_commas(Sentence("English", "When I was young, | we lived | here.")) == "When I was young, we lived, here."
    )


def test_natural_voices_have_forty_sentences_too() -> None:
    assert len(NATURAL_SENTENCES) == 40
    assert all(len(one.parts()) >= 2 for one in NATURAL_SENTENCES)
