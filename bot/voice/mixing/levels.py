"""Stereo frames as arrays, and gains that change within a frame without a click."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio.pcm import to_pcm16
from audio.samples import FRAME_SECONDS, SPEAKING_FRAME

FRAME_BYTES = SPEAKING_FRAME * 2 * 2
"""Size of a frame of stereo 16-bit PCM."""

Stereo = NDArray[np.float32]
"""A frame of stereo sound, of shape (960, 2), nominally -1 to 1."""

_FULL_SCALE = np.float32(32_767)
_RISE = (np.arange(1, SPEAKING_FRAME + 1, dtype=np.float32) / SPEAKING_FRAME)[:, np.newaxis]


def from_frame(pcm: bytes) -> Stereo:
    """A frame of stereo 16-bit PCM as an array."""
    return np.frombuffer(pcm, "<i2").reshape(SPEAKING_FRAME, 2).astype(np.float32) / _FULL_SCALE


def to_frame(sound: Stereo) -> bytes:
    """An array as a frame of stereo 16-bit PCM. Values beyond -1 to 1 are clipped."""
    return to_pcm16(sound)


def factor(decibels: float) -> float:
    """The factor of a gain in decibels."""
    return float(10.0 ** (decibels / 20))


def scaled(sound: Stereo, begin: float, end: float) -> Stereo:
    """The frame with a gain that goes in a straight line from ``begin``, just before the frame, to ``end``."""
    if begin == end:
        return sound if end == 1.0 else np.multiply(sound, np.float32(end), dtype=np.float32)
    return np.multiply(sound, np.float32(begin) + np.float32(end - begin) * _RISE, dtype=np.float32)


def approach(value: float, target: float, seconds: float) -> float:
    """``value`` one frame later, on its way to ``target``. It changes by 1 in ``seconds`` seconds."""
    step = FRAME_SECONDS / seconds
    # The last step may be a little longer, so that rounding errors need no further, tiny step.
    if abs(target - value) <= step * 1.001:
        return target
    return value + step if value < target else value - step
