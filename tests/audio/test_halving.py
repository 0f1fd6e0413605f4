"""Tests of halving the sample rate of a sound, frame by frame."""

from __future__ import annotations

import numpy as np
import pytest

from audio.halving import Halver
from tests.tones import pitch, tone

FRAME = 960


def in_frames(halver: Halver, sound: np.ndarray) -> np.ndarray:
    return np.concatenate([halver.halve(sound[at : at + FRAME]) for at in range(0, len(sound), FRAME)])


@pytest.mark.parametrize("hertz", [100.0, 1_000.0, 8_000.0, 10_000.0])
def test_a_tone_keeps_its_pitch_and_its_level_without_gaps_between_the_pieces(hertz: float) -> None:
    halved = in_frames(Halver(), tone(1.0, hertz))
    assert len(halved) == 24_000
    assert pitch(halved, 24_000) == pytest.approx(hertz, abs=1.0)
    assert np.sqrt(np.mean(halved[200:] ** 2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.01)


def test_sound_above_the_new_band_is_not_folded_into_it() -> None:
    assert np.abs(in_frames(Halver(), tone(1.0, 14_000.0))[200:]).max() < 0.001


def test_sound_is_halved_the_same_in_pieces_and_as_a_whole() -> None:
    sound = tone(0.4, 440.0)
    assert np.array_equal(in_frames(Halver(), sound), Halver().halve(sound))


def test_after_a_reset_nothing_of_the_sound_before_is_left() -> None:
    halver = Halver()
    halver.halve(tone(0.02))
    halver.reset()
    assert not halver.halve(np.zeros(FRAME, np.float32)).any()


def test_an_odd_number_of_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        Halver().halve(np.zeros(959, np.float32))
