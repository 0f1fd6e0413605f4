"""Conversion between samples and 16-bit PCM. The whole project uses it.

The scale is the same in both directions: 1.0 is 32,767. So PCM that is converted to samples and back stays the same to
the bit, except that -32,768 becomes -32,767.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio.samples import Samples

SAMPLE_BYTES = 2
"""Size of a 16-bit sample."""
_FULL_SCALE = np.float32(32_767)


def to_int16(samples: NDArray[np.floating]) -> NDArray[np.int16]:
    """Samples as integers. Values beyond -1 to 1 are clipped, and NaN becomes 0."""
    numbers = np.where(np.isnan(samples), np.float32(0), samples)
    return (np.clip(numbers, -1.0, 1.0) * _FULL_SCALE).astype("<i2")


def to_pcm16(samples: NDArray[np.floating]) -> bytes:
    """Samples as 16-bit little-endian PCM. Values beyond -1 to 1 are clipped, and NaN becomes 0."""
    return to_int16(samples).tobytes()


def from_pcm16(pcm: bytes | bytearray, *, channels: int = 1) -> Samples:
    """The samples of 16-bit little-endian PCM. Only the first of ``channels`` channels is used.

    A last byte that is half a sample is ignored.
    """
    whole = np.frombuffer(pcm, "<i2", count=len(pcm) // SAMPLE_BYTES)
    return whole[::channels].astype(np.float32) / _FULL_SCALE
