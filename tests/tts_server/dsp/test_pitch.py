"""Pitch shifting: the right interval, no distortion, and the same length as before."""

from __future__ import annotations

import numpy as np
import pytest

from audio.samples import Samples
from tests.tts_server.dsp.measures import clarity, frequency, onset, pieces, voice
from tts_server.dsp import PitchShifter

RATE = 24_000


def shift(samples: Samples, semitones: float, rate: int = RATE, size: int | None = None) -> Samples:
    shifter = PitchShifter(semitones, rate)
    parts = [shifter.push(piece) for piece in pieces(samples, size or rate // 50)]
    return np.concatenate([*parts, shifter.finish()])


@pytest.mark.parametrize("semitones", [-12, -7, -1, -0.5, 0.5, 2, 7, 12])
@pytest.mark.parametrize(("hertz", "rate"), [(90, 24_000), (220, 24_000), (150, 16_000), (220, 22_050), (120, 48_000)])
def test_the_pitch_changes_by_the_requested_amount(semitones: float, hertz: float, rate: int) -> None:
    spoken = voice(hertz, 3, rate)
    shifted = shift(spoken, semitones, rate)
    wanted = hertz * 2 ** (semitones / 12)
    assert frequency(shifted, rate) == pytest.approx(wanted, rel=0.005)
    assert clarity(shifted, wanted, rate) > 15
    assert len(shifted) == len(spoken)
    assert np.std(shifted) == pytest.approx(np.std(spoken), rel=0.15)


@pytest.mark.parametrize("semitones", [-12, -3, 3, 12])
def test_words_stay_where_they_were(semitones: float) -> None:
    spoken = np.concatenate([np.zeros(RATE, np.float32), voice(200, 1, RATE), np.zeros(RATE, np.float32)])
    shifted = shift(spoken, semitones)
    assert onset(shifted, RATE) == pytest.approx(1, abs=0.05)
    assert onset(shifted[::-1], RATE) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("semitones", [-12, -2, 2, 12])
def test_at_most_65_ms_are_held_back(semitones: float) -> None:
    shifter = PitchShifter(semitones, RATE)
    given = taken = held = 0
    for piece in pieces(voice(200, 2, RATE), RATE // 100):
        given += len(piece)
        taken += len(shifter.push(piece))
        held = max(held, given - taken)
    assert held / RATE <= 0.065


def test_a_shift_by_zero_changes_nothing() -> None:
    shifter = PitchShifter(0, RATE)
    piece = voice(200, 0.02, RATE)
    assert shifter.push(piece) is piece
    assert len(shifter.finish()) == 0


@pytest.mark.parametrize("size", [1, 7, 480, 100_000])
def test_the_size_of_the_pieces_makes_no_difference(size: int) -> None:
    spoken = voice(200, 1, RATE)
    shifted = shift(spoken, 5, size=size)
    assert len(shifted) == len(spoken)
    assert frequency(shifted, RATE) == pytest.approx(200 * 2 ** (5 / 12), rel=0.005)


@pytest.mark.parametrize("samples", [0, 1, 100, 3000])
def test_even_a_short_sound_comes_out_whole(samples: int) -> None:
    assert len(shift(np.full(samples, 0.5, np.float32), 4)) == samples


@pytest.mark.parametrize("semitones", [-12.1, 13, float("nan")])
def test_a_shift_by_more_than_an_octave_is_refused(semitones: float) -> None:
    with pytest.raises(ValueError, match="semitones"):
        PitchShifter(semitones, RATE)
