"""Tests of decoding untrusted recordings: the limits, and the cuts at quiet moments."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest

from audio.decode import NotSoundError, TooLongSoundError
from audio.samples import HEARING_RATE, Sound16
from bot.spoken_messages.decoding import (
    PIECE_SECONDS,
    decode_sound,
    in_pieces,
)
from tests.features.recordings import recording

NEVER = threading.Event()


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("ogg", "libopus", 48_000),
        ("mp3", "libmp3lame", 44_100),
        ("mp4", "aac", 44_100),
        ("wav", "pcm_s16le", 8_000),
        ("flac", "flac", 48_000),
        ("webm", "libopus", 48_000),
    ],
)
def test_recordings_of_phones_are_decoded(container: str, codec: str, rate: int) -> None:
    sound = decode_sound(recording(2.0, container=container, codec=codec, rate=rate), 10, NEVER)
    assert len(sound) / HEARING_RATE == pytest.approx(2.0, abs=0.1)
    spectrum = np.abs(np.fft.rfft(sound[8000:24_000]))
    assert int(np.argmax(spectrum)) == pytest.approx(220, abs=2)


def test_a_recording_that_is_too_long_is_refused_before_all_of_it_is_decoded() -> None:
    with pytest.raises(TooLongSoundError):
        decode_sound(recording(5.0), 4, NEVER)
    with pytest.raises(NotSoundError, match="too long to decode"):
        decode_sound(recording(1.0), 4, NEVER, clock=iter(range(0, 10_000, 1000)).__next__)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"OggS" + bytes(200),
        b"RIFF\xff\xff\xff\xffWAVEfmt " + bytes(40),
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\x89PNG\r\n\x1a\n" + bytes(50),
    ],
)
def test_files_without_sound_are_refused(data: bytes) -> None:
    with pytest.raises(NotSoundError):
        decode_sound(data, 10, NEVER)


@pytest.mark.parametrize("kind", [("ogg", "libopus"), ("mp3", "libmp3lame"), ("mp4", "aac"), ("wav", "pcm_s16le")])
def test_a_file_with_any_of_its_bytes_changed_or_missing_is_decoded_or_refused(kind: tuple[str, str]) -> None:
    data = recording(1.0, container=kind[0], codec=kind[1])
    rng = random.Random(kind[1])
    for _ in range(60):
        broken = bytearray(data[: rng.randrange(1, len(data) + 1)])
        for _ in range(4):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        try:
            sound = decode_sound(bytes(broken), 10, NEVER)
        except (NotSoundError, TooLongSoundError):
            continue
        assert np.isfinite(sound).all()
        assert np.abs(sound).max(initial=0) <= 1


def test_long_speech_is_cut_at_quiet_places_and_nothing_is_lost() -> None:
    sound: Sound16 = np.full(60 * HEARING_RATE, 0.3, np.float32)
    for second in (24, 49):
        sound[second * HEARING_RATE : second * HEARING_RATE + 3200] = 0
    pieces = list(in_pieces(sound))
    assert np.array_equal(np.concatenate(pieces), sound)
    assert all(len(piece) <= PIECE_SECONDS * HEARING_RATE for piece in pieces)
    cuts = np.cumsum([len(piece) for piece in pieces[:-1]])
    assert [int(cut) // HEARING_RATE for cut in cuts] == [24, 49]
    assert all(sound[cut] == 0 for cut in cuts)
    assert len(list(in_pieces(sound[: 5 * HEARING_RATE]))) == 1
