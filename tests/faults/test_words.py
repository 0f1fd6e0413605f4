"""Tests of words as tones: a listener writes down each word that was said whole, once for each time."""

from __future__ import annotations

import numpy as np

from sandbox.voice.opus import SAMPLE_RATE
from tests.faults.words import SECONDS, UNKNOWN, WORDS, Listener, tones, words_in


def listened(text: str) -> list[str]:
    return [heard.word for heard in words_in(tones(text, SAMPLE_RATE), SAMPLE_RATE)]


def test_every_word_is_heard_as_it_was_said() -> None:
    assert listened(" ".join(WORDS)) == list(WORDS)


def test_a_word_that_is_said_twice_is_heard_twice_and_an_unknown_word_is_marked() -> None:
    assert listened("Apple, river. Hm: apple!") == ["apple", "river", UNKNOWN, "apple"]


def test_a_word_that_is_broken_off_is_left_out_and_a_whole_word_has_its_place() -> None:
    sound = tones("apple river", SAMPLE_RATE)
    begun = np.concatenate([sound, tones("tiger", SAMPLE_RATE)[: SAMPLE_RATE // 20]])
    (_, river) = words_in(begun, SAMPLE_RATE)
    assert abs(river.begin / SAMPLE_RATE - SECONDS) < 0.05


def test_a_word_with_breaks_is_one_word_and_two_without_a_break_are_two() -> None:
    word, pause = tones("tiger", SAMPLE_RATE), np.zeros(SAMPLE_RATE // 10, np.float32)
    broken = np.concatenate([pause, word[:5_000], pause, word[5_000:9_000], pause, word[9_000:], pause])
    assert [heard.word for heard in words_in(broken, SAMPLE_RATE)] == ["tiger"]
    assert listened("tiger tiger river") == ["tiger", "tiger", "river"]


def test_a_sound_that_grows_has_the_same_words_as_the_whole_sound() -> None:
    sound, listener = tones("apple river tiger window apple", SAMPLE_RATE), Listener(SAMPLE_RATE)
    for end in range(0, len(sound), 3_333):
        grown = listener.listen(sound[:end])
        assert grown == words_in(sound[:end], SAMPLE_RATE)
    assert [heard.word for heard in listener.listen(sound)] == ["apple", "river", "tiger", "window", "apple"]


def test_noise_and_silence_are_no_words() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    assert words_in(np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE) == words_in(noise, SAMPLE_RATE) == []
