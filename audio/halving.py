"""Halves the sample rate of a sound that comes in pieces. At 48,000 Hz, this delays it by less than a millisecond."""

from __future__ import annotations

import numpy as np

from audio.samples import Samples

_TAPS = 63
"""Length of the low-pass filter, in samples. Half of it is the delay: 0.65 ms at 48,000 Hz."""
_KAISER_BETA = 6.0
"""Shape of the filter's window. Frequencies above 0.57 of half the input's sample rate get at least 60 dB softer, so
they cause no audible aliasing.
"""


def _low_pass() -> Samples:
    at = np.arange(_TAPS) - _TAPS // 2
    taps = 0.5 * np.sinc(at / 2) * np.kaiser(_TAPS, _KAISER_BETA)
    return np.asarray(taps / taps.sum(), np.float32)


class Halver:
    """Halves the sample rate of one sound. Not thread-safe."""

    def __init__(self) -> None:
        self._taps = _low_pass()
        self._before = np.zeros(_TAPS - 1, np.float32)

    def halve(self, samples: Samples) -> Samples:
        """The next piece of the sound at half its sample rate. The piece must have an even number of samples."""
        if len(samples) % 2:
            raise ValueError("a piece must have an even number of samples")
        sound = np.concatenate([self._before, samples])
        self._before = sound[len(sound) - (_TAPS - 1) :]
        return np.convolve(sound, self._taps, "valid")[::2].astype(np.float32)

    def reset(self) -> None:
        """Forget the sound so far. Call this before another sound begins."""
        self._before = np.zeros(_TAPS - 1, np.float32)
