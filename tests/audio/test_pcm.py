"""Tests of the conversion between samples and 16-bit PCM."""

from __future__ import annotations

import numpy as np

from audio.pcm import from_pcm16, to_int16, to_pcm16


def test_pcm_that_becomes_samples_and_pcm_again_is_the_same() -> None:
    every = np.arange(-32_767, 32_768).astype("<i2").tobytes()
    assert to_pcm16(from_pcm16(every)) == every


def test_the_scale_is_32767_in_both_directions() -> None:
    assert to_int16(np.array([0, 0.25, 1, -1], np.float32)).tolist() == [0, 8_191, 32_767, -32_767]
    assert from_pcm16(np.array([0, 32_767, -32_767], "<i2").tobytes()).tolist() == [0, 1, -1]


def test_loud_samples_are_clipped_and_nan_becomes_silence() -> None:
    sound = np.array([1.5, -1.5, np.inf, -np.inf, np.nan], np.float32)
    assert to_int16(sound).tolist() == [32_767, -32_767, 32_767, -32_767, 0]


def test_the_sample_minus_32768_is_clipped_to_minus_32767() -> None:
    assert to_int16(from_pcm16(b"\x00\x80")).tolist() == [-32_767]


def test_samples_of_double_precision_are_taken_too() -> None:
    assert to_int16(np.array([0.5, -2.0])).tolist() == [16_383, -32_767]


def test_the_first_of_several_channels_is_used() -> None:
    stereo = np.array([[1, 7], [2, 8], [3, 9]], "<i2").tobytes()
    assert np.array_equal(from_pcm16(stereo, channels=2), from_pcm16(np.array([1, 2, 3], "<i2").tobytes()))


def test_half_a_sample_at_the_end_is_left_out() -> None:
    assert len(from_pcm16(b"\x01\x00\x02")) == 1
    assert len(from_pcm16(b"")) == 0


def test_samples_are_float32_and_may_be_written_to() -> None:
    sound = from_pcm16(bytearray(b"\x01\x00"))
    sound *= 2
    assert sound.dtype == np.float32
