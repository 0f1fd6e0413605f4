"""The one conversion between samples and 16-bit PCM.

The scale is the same both ways: 1.0 is 32,767. So PCM that becomes samples and PCM again is the same to the bit, unless
it holds -32,768, which becomes -32,767.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio.samples import Samples

SAMPLE_BYTES = 2
"""Of a 16-bit sample."""
_FULL_SCALE = np.float32(32_767)


def to_int16(samples: NDArray[np.floating]) -> NDArray[np.int16]:
    """Samples as integers; what is louder than 1 is clipped, what is no number is silence."""
    numbers = np.where(np.isnan(samples), np.float32(0), samples)
    return (np.clip(numbers, -1.0, 1.0) * _FULL_SCALE).astype("<i2")


def to_pcm16(samples: NDArray[np.floating]) -> bytes:
    """Samples as 16-bit little-endian PCM; what is louder than 1 is clipped, what is no number is silence."""
    return to_int16(samples).tobytes()


def from_pcm16(pcm: bytes | bytearray, *, channels: int = 1) -> Samples:
    """The samples of 16-bit little-endian PCM: the first of its channels, if there are several.

    A last byte that is half a sample is left out.
    """
    whole = np.frombuffer(pcm, "<i2", count=len(pcm) // SAMPLE_BYTES)
    return whole[::channels].astype(np.float32) / _FULL_SCALE
