"""Prepares recordings: keeps only speech, sets its level, and refuses unusable recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import soxr

from audio.level import rms
from audio.samples import Samples
from tts_server.voices.decoding import RATE, RecordingRefusedError

MIN_SECONDS, MAX_SECONDS = 6.0, 30.0
"""A recording with less or with more speech than this, in seconds, is refused."""
LEVEL = 0.1
"""Root mean square of a prepared recording (-20 dB of full scale). It is lower if peaks would clip otherwise."""
_MAX_PEAK = 0.89
_QUIETEST_LEVEL = 0.003
_QUIETEST_PEAK = 0.01
_FULL_SCALE = 0.97
_CLIPPED_SHARE = 0.002
"""A recording with a larger share of samples at full scale is refused as clipped.

Speech that only just reaches full scale has a tenth of this share.
"""
_FADE_SAMPLES = RATE // 200
_SILERO_RATE = 16_000
_MAX_PAUSE_MS = 500
"""Longer pauses are cut down to this length, in milliseconds."""


def prepare(samples: Samples, find_speech: Callable[[Samples], Sequence[SpeechSpan]]) -> Samples:
    """Cut a recording down to its speech, with short pauses, and bring it to :data:`LEVEL`. CPU-bound.

    Args:
        samples: mono float32 at 24,000 Hz. The result has the same format.
        find_speech: finds the stretches of speech. The samples that it gets are scaled to a peak of 1.

    Raises:
        RecordingRefusedError: there is too little speech, too much, or it is too quiet or clipped.
    """
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < _QUIETEST_PEAK:
        raise _too_quiet()
    speech = _joined([samples[span.start : span.end] for span in find_speech(samples / peak)])
    seconds = len(speech) / RATE
    if not len(speech):
        raise RecordingRefusedError("no_speech", "no speech was found in this recording")
    if seconds < MIN_SECONDS:
        raise RecordingRefusedError(
            "too_short",
            f"without its pauses, the recording has only {seconds:.1f} seconds of speech: {MIN_SECONDS:.0f} are needed",
        )
    if seconds > MAX_SECONDS:
        raise RecordingRefusedError(
            "too_long",
            f"the recording has {seconds:.0f} seconds of speech: at most {MAX_SECONDS:.0f} are allowed. "
            "Send a part of it, or several parts as several recordings",
        )
    level = rms(speech)
    if level < _QUIETEST_LEVEL:
        raise _too_quiet()
    if np.mean(np.abs(speech) >= _FULL_SCALE) > _CLIPPED_SHARE:
        raise RecordingRefusedError(
            "clipped", "the recording is clipped, so loud that it is distorted: record it again at a lower level"
        )
    return speech * np.float32(min(LEVEL / level, _MAX_PEAK / float(np.abs(speech).max())))


def _joined(pieces: Sequence[Samples]) -> Samples:
    """Concatenate pieces, each faded in and out to avoid clicks."""
    fade = np.linspace(0, 1, _FADE_SAMPLES, dtype=np.float32)
    faded = []
    for piece in pieces:
        copy = piece.copy()
        copy[:_FADE_SAMPLES] *= fade[: len(copy)]
        copy[-_FADE_SAMPLES:] *= fade[: len(copy)][::-1]
        faded.append(copy)
    return np.concatenate(faded) if faded else np.zeros(0, np.float32)


def _too_quiet() -> RecordingRefusedError:
    return RecordingRefusedError("too_quiet", "the recording is too quiet: record it again closer to the microphone")


@dataclass(frozen=True, slots=True)
class SpeechSpan:
    """Sample indices of a stretch of speech; ``end`` is exclusive."""

    start: int
    end: int


def speech_spans(samples: Samples) -> list[SpeechSpan]:
    """Find speech with faster-whisper's Silero network, with up to 250 ms of silence around it. CPU-bound.

    Args:
        samples: mono float32 at :data:`RATE`.
    """
    # Imported here because faster-whisper also loads CTranslate2, which takes time.
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(
        threshold=0.5,
        min_speech_duration_ms=250,
        min_silence_duration_ms=_MAX_PAUSE_MS,
        speech_pad_ms=_MAX_PAUSE_MS // 2,
    )
    found = get_speech_timestamps(soxr.resample(samples, RATE, _SILERO_RATE), options)
    factor = RATE / _SILERO_RATE
    return [SpeechSpan(round(f["start"] * factor), min(round(f["end"] * factor), len(samples))) for f in found]
