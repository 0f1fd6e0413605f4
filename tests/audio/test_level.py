"""Tests of sound levels."""

from __future__ import annotations

import numpy as np
import pytest

from audio.level import at_level, rms, rms_of_frames

TONE = np.sin(np.arange(16_000) * 2 * np.pi / 100).astype(np.float32)


def test_the_level_of_a_tone_is_its_peak_over_the_root_of_two() -> None:
    assert rms(TONE) == pytest.approx(0.5**0.5)
    assert rms(0.1 * TONE) == pytest.approx(0.1 * 0.5**0.5)


def test_minutes_of_sound_have_the_level_of_a_second_of_it() -> None:
    assert rms(np.tile(np.float32(0.001) * TONE, 500)) == pytest.approx(0.001 * 0.5**0.5, rel=1e-6)


def test_the_level_of_no_sound_and_of_silence_is_zero() -> None:
    assert rms(np.zeros(0, np.float32)) == 0
    assert rms(np.zeros(10, np.float32)) == 0


def test_each_frame_has_its_own_level_and_an_incomplete_frame_has_none() -> None:
    sound = np.array([1, 1, 0.5, -0.5, 0, 0, 9], np.float32)
    assert rms_of_frames(sound, 2).tolist() == [1, 0.5, 0]
    assert len(rms_of_frames(sound[:1], 2)) == 0


def test_sound_is_brought_to_a_level_and_silence_stays_silent() -> None:
    levelled = at_level(TONE.astype(np.float64), 0.1)
    assert rms(levelled) == pytest.approx(0.1)
    assert levelled.dtype == np.float32
    assert not at_level(np.zeros(5, np.float32), 0.1).any()
