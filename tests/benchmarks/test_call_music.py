"""The benchmarks find the packets of a reply while music plays beneath it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.call_music import voiced_frames, without_low_tones
from sandbox.speech_sounds import music
from sandbox.voice.opus import FRAME_SAMPLES, SAMPLE_RATE, MonoEncoder, Sound, make_decoder
from tts_server.engines.stand_in import TONE_HZ


def heard(sound: Sound) -> Sound:
    """The frames as a guest hears them."""
    encoder, decoder = MonoEncoder(), make_decoder()
    return np.array([decoder.decode_frame(encoder.encode(frame)) for frame in sound.reshape(-1, FRAME_SAMPLES)])


def song(frames: int, level: float) -> Sound:
    return level * without_low_tones(music(frames * FRAME_SAMPLES / SAMPLE_RATE, seed=1))


@pytest.mark.parametrize("level", [0.0, 0.25])
def test_the_first_and_the_last_frame_with_the_voice_are_found(level: float) -> None:
    at = np.arange(30 * FRAME_SAMPLES) / SAMPLE_RATE
    voice = np.zeros(100 * FRAME_SAMPLES, np.float32)
    voice[40 * FRAME_SAMPLES : 70 * FRAME_SAMPLES] = 0.2 * np.sin(2 * np.pi * TONE_HZ * at)
    assert voiced_frames(heard(voice + song(100, level))) == (40, 69)


def test_music_alone_holds_no_voice() -> None:
    assert voiced_frames(heard(song(100, 1.0))) is None
