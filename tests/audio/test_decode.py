"""Tests of decoding sound files, within limits.

Formats and attacks are tested where the decoder is used, such as with music.
"""

from __future__ import annotations

import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audio.decode import (
    UNBOUNDED,
    Bounds,
    NoSoundTrackError,
    NotSoundError,
    TooLongSoundError,
    UnusualSoundError,
    decoded,
    read_sound,
)
from audio.encoders import write_audio_file
from audio.level import rms
from audio.pcm import to_int16
from audio.samples import Samples
from audio.wav import to_wav
from tests.tones import pitch, tone

RATE = 48_000


def test_flac_keeps_every_sample(tmp_path: Path) -> None:
    sound = tone(2.5)
    write_audio_file(tmp_path / "tone.flac", sound, RATE, "flac")
    assert np.abs(read_sound(tmp_path / "tone.flac", RATE) - sound).max() < 2 / 32_767


def test_ogg_opus_sounds_the_same(tmp_path: Path) -> None:
    write_audio_file(tmp_path / "tone.opus", tone(2.5), RATE, "libopus", bit_rate=32_000)
    sound = read_sound(tmp_path / "tone.opus", RATE)
    assert len(sound) / RATE == pytest.approx(2.5, abs=0.03)
    assert pitch(sound, RATE) == pytest.approx(440, rel=0.01)
    assert rms(sound) == pytest.approx(rms(tone(2.5)), rel=0.1)


def test_decoded_sound_that_is_too_loud_does_not_wrap_around(tmp_path: Path) -> None:
    write_audio_file(tmp_path / "loud.flac", np.full(RATE, 2.0, np.float32), RATE, "flac")
    assert set(to_int16(read_sound(tmp_path / "loud.flac", RATE)).tolist()) <= {32_765, 32_766, 32_767}


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100])
def test_sound_has_the_requested_rate(rate: int, tmp_path: Path) -> None:
    (tmp_path / "tone.wav").write_bytes(to_wav(tone(1.0), RATE))
    sound = read_sound(tmp_path / "tone.wav", rate)
    assert len(sound) == pytest.approx(rate, abs=2)
    assert pitch(sound, rate) == pytest.approx(440, rel=0.01)


def test_the_errors_for_missing_files_and_for_other_files_name_the_path(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"nothing\.wav"):
        read_sound(tmp_path / "nothing.wav", RATE)
    (tmp_path / "words.wav").write_text("these are words")
    with pytest.raises(OSError, match=r"words\.wav can't be read as sound"):
        read_sound(tmp_path / "words.wav", RATE)


@pytest.mark.parametrize(
    ("bounds", "error"),
    [
        (Bounds(demuxers="ogg,flac"), NotSoundError),
        (Bounds(codecs=frozenset({"opus"})), NoSoundTrackError),
        (Bounds(max_rate=44_100), UnusualSoundError),
        (Bounds(min_rate=96_000), UnusualSoundError),
        (Bounds(max_channels=0), UnusualSoundError),
        (Bounds(max_seconds=0.9), TooLongSoundError),
        (Bounds(max_stated_seconds=0.9), TooLongSoundError),
    ],
)
def test_files_out_of_bounds_are_refused(bounds: Bounds, error: type[Exception]) -> None:
    file = to_wav(tone(1.0), RATE)
    with pytest.raises(error):
        list(decoded(io.BytesIO(file), RATE, bounds))
    assert sum(map(len, decoded(io.BytesIO(file), RATE))) == RATE


def test_a_file_that_is_longer_than_allowed_is_not_decoded_to_its_end() -> None:
    pieces = decoded(io.BytesIO(to_wav(tone(60.0), RATE)), RATE, replace(UNBOUNDED, max_seconds=2.0))
    begun: list[Samples] = []
    with pytest.raises(TooLongSoundError):
        begun.extend(pieces)
    assert sum(map(len, begun)) <= 2 * RATE


def test_nothing_is_bounded_by_default() -> None:
    assert UNBOUNDED.max_seconds == UNBOUNDED.max_stated_seconds == UNBOUNDED.max_channels == math.inf
