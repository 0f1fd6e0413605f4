"""Tests of the shortened context of Whisper's encoder."""

from __future__ import annotations

from typing import Any

import ctranslate2
import numpy as np
import pytest
from faster_whisper import WhisperModel

from audio.samples import HEARING_RATE, Sound16
from bot.voice.transcribe.whisper_model import ShortContextWhisper

MELS, SILENT = 80, -1.5


class Device:
    """The part of CTranslate2's model that tells where it computes."""

    def __init__(self, device: str) -> None:
        self.device = device


def spectrogram(sound: Sound16) -> np.ndarray:
    """A spectrogram that is as loud as the sound in each hundredth of a second."""
    loudness = np.abs(sound.reshape(-1, HEARING_RATE // 100)).mean(axis=1)
    frames: np.ndarray = np.tile(np.where(loudness > 0, loudness, SILENT), (MELS, 1)).astype(np.float32)
    return frames


@pytest.fixture
def encoded_lengths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths, in frames, on which the encoder was run. A stand-in encodes every two frames as one number."""
    lengths: list[int] = []

    def encode(self: WhisperModel, features: np.ndarray) -> Any:
        lengths.append(features.shape[-1])
        return ctranslate2.StorageView.from_array(np.ascontiguousarray(features[None, :1, ::2].transpose(0, 2, 1)))

    monkeypatch.setattr(WhisperModel, "encode", encode)
    monkeypatch.setattr(WhisperModel, "transcribe", lambda self, audio, **options: ((), None))
    return lengths


def encoding(device: str, sound_seconds: int, encoded_seconds: float, context_seconds: float) -> list[np.ndarray]:
    """What two sounds of this length are encoded to."""
    model = ShortContextWhisper.__new__(ShortContextWhisper)
    model.model, model.feature_extractor = Device(device), spectrogram
    found = []
    for _ in range(2):
        sound = np.ones(sound_seconds * HEARING_RATE, np.float32)
        model.transcribe(sound, encoded_seconds=encoded_seconds, context_seconds=context_seconds)
        features = np.pad(spectrogram(sound), ((0, 0), (0, 3000 - 100 * sound_seconds)))
        found.append(np.asarray(model.encode(features)).ravel())
        assert np.array_equal(np.asarray(model.encode(features)).ravel(), found[-1])
    return found


def test_the_encoder_runs_only_on_the_sound_and_encoded_silence_follows(encoded_lengths: list[int]) -> None:
    first, second = encoding("cpu", 2, 3.0, 15.0)
    assert len(first) == 750
    assert (first[:100] == 1.0).all()
    assert (first[150:] == SILENT).all()
    assert np.array_equal(first, second)
    assert sorted(encoded_lengths) == [300, 300, 3000], "silence is encoded once, in the context of 30 seconds"


def test_a_whole_context_is_encoded_as_it_is(encoded_lengths: list[int]) -> None:
    first, _ = encoding("cpu", 2, 30.0, 30.0)
    assert len(first) == 1500
    assert encoded_lengths == [3000, 3000]


def test_on_a_graphics_card_the_whole_context_is_encoded(encoded_lengths: list[int]) -> None:
    first, _ = encoding("cuda", 2, 3.0, 15.0)
    assert len(first) == 750
    assert encoded_lengths == [1500, 1500]
