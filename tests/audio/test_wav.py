"""Tests of WAV files: Python's own reader can read them."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from audio.encoders import WavEncoder
from audio.pcm import from_pcm16
from audio.samples import Samples
from audio.wav import HEADER_BYTES, WavFile, to_wav, wav_header

RATE = 16_000


def sound(seconds: float, level: float = 0.1) -> Samples:
    return np.full(round(seconds * RATE), level, np.float32)


def read(data: bytes) -> tuple[Samples, int]:
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return from_pcm16(file.readframes(file.getnframes())), file.getframerate()


def test_a_wav_file_has_the_given_sound_and_loud_samples_do_not_wrap_around() -> None:
    with wave.open(io.BytesIO(to_wav(np.concatenate([sound(0.5), sound(0.5, 2.0)]), RATE))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        samples = np.frombuffer(file.readframes(RATE), "<i2")
    assert samples[0] == pytest.approx(3_277, abs=1)
    assert samples[-1] == 32_767


def test_a_file_has_the_same_bytes_as_one_that_python_writes() -> None:
    samples = np.linspace(-1, 1, 999, dtype=np.float32)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 48_000, 0, "NONE", ""))
        writer.writeframes(to_wav(samples, 48_000)[HEADER_BYTES:])
    assert to_wav(samples, 48_000) == file.getvalue()


def test_a_file_without_sound_can_be_read() -> None:
    assert len(read(to_wav(sound(0), RATE))[0]) == 0


def test_an_unknown_length_is_written_as_the_greatest_possible_one() -> None:
    header = wav_header(24_000, None)
    assert len(header) == HEADER_BYTES
    assert header[4:8] == header[40:44] == b"\xff\xff\xff\xff"
    assert WavEncoder(24_000).finish() == header


def test_a_growing_file_can_be_read_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "growing.wav"
    file = WavFile(path, RATE)
    assert len(read(path.read_bytes())[0]) == 0
    file.write(sound(0.25))
    file.pad(RATE)
    file.save()
    written, rate = read(path.read_bytes())
    assert (len(written), rate) == (RATE, RATE)
    assert np.array_equal(written != 0, np.arange(RATE) < RATE // 4)
    file.write(sound(0.5))
    file.close()
    assert len(read(path.read_bytes())[0]) == RATE * 3 // 2


def test_a_growing_file_replaces_no_other_file_and_can_be_deleted(tmp_path: Path) -> None:
    path = tmp_path / "growing.wav"
    file = WavFile(path, RATE)
    with pytest.raises(FileExistsError):
        WavFile(path, RATE)
    file.delete()
    assert not path.exists()
