"""Tests of the conversion between the rate of telephones and the project's rates."""

from __future__ import annotations

import numpy as np
import pytest

from audio.narrow_band import FromTelephone, ToTelephone, from_telephone
from audio.samples import Samples
from tests.tones import tone


def decibels(sound: Samples, reference: Samples) -> float:
    middle, other = (np.asarray(each[len(each) // 4 : -len(each) // 4], np.float64) for each in (sound, reference))
    return float(20 * np.log10(np.sqrt(np.mean(middle**2) / np.mean(other**2)) + 1e-12))


@pytest.mark.parametrize("kind", [FromTelephone, ToTelephone])
def test_pieces_of_a_sound_are_converted_as_if_they_were_one(kind: type[FromTelephone | ToTelephone]) -> None:
    sound = np.random.default_rng(1).normal(0, 0.1, 9_600).astype(np.float32)
    converter = kind()
    pieces = [converter.convert(sound[start : start + 480]) for start in range(0, len(sound), 480)]
    assert not len(converter.convert(sound[:0])), "no sound, no samples"
    np.testing.assert_allclose(np.concatenate(pieces), kind().convert(sound), atol=1e-6)


@pytest.mark.parametrize("frequency", [300, 1_000, 3_000, 3_400])
def test_the_frequencies_that_a_telephone_carries_keep_their_level(frequency: float) -> None:
    up, down = tone(1.0, frequency, rate=8_000), tone(1.0, frequency, rate=48_000)
    assert decibels(FromTelephone().convert(up), up) == pytest.approx(0, abs=0.3)
    assert decibels(ToTelephone().convert(down), down) == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize("frequency", [4_700, 6_000, 9_000, 15_000])
def test_nothing_is_folded_into_the_band_of_a_telephone(frequency: float) -> None:
    sound = tone(1.0, frequency, rate=48_000)
    assert decibels(ToTelephone().convert(sound), sound) < -55


def test_sound_at_twice_the_rate_has_no_mirror_image() -> None:
    spectrum = np.abs(
        np.fft.rfft(FromTelephone().convert(tone(1.0, 1_000, rate=8_000))[1_600:9_600] * np.hanning(8_000))
    )
    assert 20 * np.log10(spectrum[2_300:].max() / spectrum.max()) < -55


def test_a_click_is_moved_by_at_most_two_milliseconds() -> None:
    click = np.zeros(960, np.float32)
    click[480] = 1.0
    assert abs(np.argmax(ToTelephone().convert(click)) / 8_000 - 0.01) <= 0.002
    click = np.zeros(160, np.float32)
    click[80] = 1.0
    assert abs(np.argmax(FromTelephone().convert(click)) / 16_000 - 0.01) <= 0.002


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_each_rate_is_lowered_without_delay_and_without_a_loss_at_the_end(rate: int) -> None:
    converter = ToTelephone(rate)
    assert len(converter.convert(np.zeros(rate // 50, np.float32))) == 160
    for _ in range(2):
        sound = np.concatenate([np.zeros(rate // 50, np.float32), tone(0.1, 1_000, rate=rate)])
        pieces = [converter.convert(sound), converter.finish()]
        assert len(pieces[1]) < 16
        lowered = np.concatenate(pieces)
        energy, expected = np.sum(lowered**2), np.sum(sound**2) / (rate // 8_000)
        assert energy == pytest.approx(expected, rel=0.02), "nothing of the sound is lost at its end"
        assert decibels(lowered[200:900], tone(1.0, 1_000, rate=8_000)) == pytest.approx(0, abs=0.3)
    high = tone(1.0, 6_000, rate=rate)
    assert decibels(ToTelephone(rate).convert(high), high) < -55


def test_a_rate_that_is_no_multiple_of_the_telephones_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        ToTelephone(44_100)


@pytest.mark.parametrize("length", [0, 1, 7, 16, 800])
def test_a_whole_sound_of_a_telephone_gets_twice_the_samples_and_is_not_late(length: int) -> None:
    click = np.zeros(length, np.float32)
    click[length // 2 : length // 2 + 1] = 0.5
    heard = from_telephone(click)
    assert len(heard) == 2 * length
    assert length == 0 or np.argmax(np.abs(heard)) == 2 * (length // 2)
    assert heard.dtype == np.float32
