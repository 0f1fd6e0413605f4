"""The simulated telephone of the benchmarks: which sound it carries, and how late."""

from __future__ import annotations

import numpy as np
import pytest

from audio.g711 import Law
from audio.level import rms
from audio.samples import HEARING_RATE, Sound16
from benchmarks.telephone import TelephoneNetwork, through_telephone
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE, Sound
from tests.tones import tone


def second_of(hertz: float) -> Sound:
    """One second of a tone at an ordinary level."""
    return tone(1.0, hertz, rate=SAMPLE_RATE, level=0.2)


def middle(sound: Sound16) -> Sound16:
    return sound[HEARING_RATE // 4 : HEARING_RATE * 3 // 4]


@pytest.mark.parametrize("law", ["alaw", "ulaw"])
@pytest.mark.parametrize("hertz", [400, 1_000, 3_000, 3_300])
def test_the_band_of_the_telephone_comes_through_at_its_level(law: Law, hertz: float) -> None:
    heard = middle(through_telephone(second_of(hertz), law))
    assert rms(heard) == pytest.approx(rms(second_of(hertz)), rel=0.1)
    strength = np.abs(np.fft.rfft(heard))
    assert int(np.argmax(strength)) * 2 == hertz


@pytest.mark.parametrize("hertz", [50, 150, 3_800, 4_500, 7_000, 12_000])
def test_other_frequencies_neither_come_through_nor_fold_back(hertz: float) -> None:
    heard = middle(through_telephone(second_of(hertz), "alaw"))
    assert rms(heard) < 0.01 * rms(second_of(hertz)) * (10 if hertz == 150 else 1)


def test_resampling_puts_no_image_above_the_band() -> None:
    strength = np.abs(np.fft.rfft(middle(through_telephone(second_of(3_000), "ulaw")))) ** 2
    above = strength[len(strength) // 2 + 100 :]
    assert above.sum() < 1e-4 * strength.sum()


def test_a_frame_in_is_a_frame_out() -> None:
    network = TelephoneNetwork("ulaw")
    for frames in (1, 3, 1):
        assert len(network.carry(second_of(500)[: frames * FRAME_SAMPLES])) == frames * 160
    with pytest.raises(ValueError, match="whole frames"):
        network.carry(second_of(500)[:100])


def test_sound_in_pieces_comes_out_as_in_one_piece() -> None:
    sound, network = second_of(700), TelephoneNetwork("alaw")
    pieces = b"".join(network.carry(sound[at : at + FRAME_SAMPLES]) for at in range(0, len(sound), FRAME_SAMPLES))
    assert pieces == TelephoneNetwork("alaw").carry(sound)


def test_the_sound_is_at_most_a_few_milliseconds_late() -> None:
    sound = np.zeros(SAMPLE_RATE, np.float32)
    sound[SAMPLE_RATE // 2 :] = second_of(1_000)[: SAMPLE_RATE // 2]
    heard = through_telephone(sound, "ulaw")
    begin = int(np.flatnonzero(np.abs(heard) > 0.1)[0]) / HEARING_RATE
    assert 0.5 < begin < 0.51
    assert len(heard) >= HEARING_RATE + 0.006 * HEARING_RATE
