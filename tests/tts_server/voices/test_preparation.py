"""Preparation of recordings with the real speech detector, Silero: what is kept and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from audio.level import rms
from audio.samples import Samples
from tests.tones import tone
from tests.tts_server.voices.sounds import seconds_of_speech, silence, speech
from tts_server.voices.decoding import RATE, RecordingRefusedError
from tts_server.voices.preparation import LEVEL, prepare, speech_spans


def _kept(samples: Samples) -> Samples:
    return prepare(samples, speech_spans)


def _refusal(samples: Samples) -> str:
    with pytest.raises(RecordingRefusedError) as refused:
        _kept(samples)
    return refused.value.code


def test_silence_at_both_ends_is_removed() -> None:
    kept = _kept(np.concatenate([silence(5), speech(), silence(9)]))
    assert abs(len(kept) - len(speech())) < 0.8 * RATE


def test_long_pauses_become_short() -> None:
    half = len(speech()) // 2
    kept = _kept(np.concatenate([speech()[:half], silence(20), speech()[half:]]))
    assert abs(len(kept) - len(speech())) < 1.5 * RATE


def test_seams_do_not_click() -> None:
    hum = tone(20, 60, rate=RATE, level=0.02)
    kept = _kept(np.concatenate([speech(), hum, speech()]))
    steepest = max(float(np.abs(np.diff(part)).max()) for part in (speech(), hum))
    assert float(np.abs(np.diff(kept)).max()) <= steepest * LEVEL / rms(speech()) * 1.2


@pytest.mark.parametrize("factor", [0.05, 0.3, 1.0])
def test_every_recording_has_the_same_level(factor: float) -> None:
    assert rms(_kept(speech() * np.float32(factor))) == pytest.approx(LEVEL, rel=0.05)


def test_levelling_clips_nothing() -> None:
    # A loud crack limits the gain, so the speech stays quieter than the target level.
    crack = speech() * np.float32(0.1)
    crack[3 * RATE] = 0.9
    kept = _kept(crack)
    assert float(np.abs(kept).max()) < 0.9
    assert rms(kept) < LEVEL


def test_speech_at_full_scale_is_not_taken_for_clipped() -> None:
    assert len(_kept(speech() / np.float32(np.abs(speech()).max())))


@pytest.mark.parametrize("overdrive", [2.0, 4.0, 20.0])
def test_clipped_speech_is_refused(overdrive: float) -> None:
    loudest = speech() / np.float32(np.abs(speech()).max())
    assert _refusal(np.clip(loudest * np.float32(overdrive), -1, 1)) == "clipped"


def test_recordings_with_too_little_or_too_much_speech_are_refused() -> None:
    assert _refusal(seconds_of_speech(5)) == "too_short"
    assert len(_kept(seconds_of_speech(7)))
    assert len(_kept(seconds_of_speech(29)))
    assert _refusal(seconds_of_speech(33)) == "too_long"


def test_pauses_do_not_count_as_speech() -> None:
    assert _refusal(np.concatenate([seconds_of_speech(4), silence(20)])) == "too_short"


def test_a_recording_that_is_too_quiet_is_refused() -> None:
    assert _refusal(speech() * np.float32(0.005)) == "too_quiet"
    assert _refusal(silence(10)) == "too_quiet"
    assert _refusal(silence(0)) == "too_quiet"


def test_sounds_without_speech_are_refused() -> None:
    random = np.random.default_rng(2)
    assert _refusal((0.2 * random.standard_normal(10 * RATE)).astype(np.float32)) == "no_speech"
    tone = np.sin(2 * np.pi * 440 * np.arange(10 * RATE) / RATE)
    assert _refusal((0.5 * tone).astype(np.float32)) == "no_speech"
