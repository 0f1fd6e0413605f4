"""Converts the sound of telephones (8,000 Hz) to 16,000 Hz for hearing, and the bot's voice to 8,000 Hz for telephones.

Sound comes in pieces. Each sound has a converter of its own, which keeps what it needs of the piece before, so that
nothing clicks between two pieces. Both converters delay the sound by less than 2 ms.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from audio.samples import HEARING_RATE, SPEAKING_RATE, Samples, Sound16
from audio.telephony import TELEPHONE_RATE

_UP = HEARING_RATE // TELEPHONE_RATE
_UP_TAPS, _DOWN_TAPS = 63, 181
"""Lengths of the filters in samples, the first at 16,000 Hz, the second at 48,000 Hz.

The filters let all frequencies up to 3,400 Hz pass. A telephone carries no higher ones.
"""
_CUT = 3_950.0
"""Frequency at which the filters let half of the amplitude pass, in Hz. From 4,600 Hz on, they take 60 dB away."""
_KAISER_BETA = 6.0


def _low_pass(taps: int, rate: int) -> Samples:
    at = np.arange(taps) - taps // 2
    filtered = np.sinc(2 * _CUT / rate * at) * np.kaiser(taps, _KAISER_BETA)
    return np.asarray(filtered / filtered.sum(), np.float32)


class FromTelephone:
    """Doubles the rate of one sound, from 8,000 Hz to 16,000 Hz. Not thread-safe."""

    def __init__(self) -> None:
        # Zeros stand between the samples of the input, so each output sample uses only every second tap. The taps are
        # doubled to make up for that.
        self._taps = _UP * _low_pass(_UP_TAPS, HEARING_RATE)
        self._before = np.zeros(_UP_TAPS - 1, np.float32)

    def convert(self, sound: Samples) -> Sound16:
        """The next piece of the sound, with twice as many samples."""
        if not len(sound):
            return np.zeros(0, np.float32)
        spread = np.zeros(_UP * len(sound), np.float32)
        spread[::_UP] = sound
        whole = np.concatenate([self._before, spread])
        self._before = whole[len(whole) - (_UP_TAPS - 1) :]
        return np.convolve(whole, self._taps, "valid").astype(np.float32)


def from_telephone(sound: Samples) -> Sound16:
    """Convert a whole sound from 8,000 Hz to 16,000 Hz, without delay."""
    late = _UP_TAPS // 2
    return FromTelephone().convert(np.pad(sound, (0, -(-late // _UP))))[late : late + _UP * len(sound)]


class ToTelephone:
    """Lowers the rate of one sound to 8,000 Hz. Not thread-safe.

    Args:
        rate: the sound's rate in Hz, a multiple of 8,000.
    """

    def __init__(self, rate: int = SPEAKING_RATE) -> None:
        self._scale, odd = divmod(rate, TELEPHONE_RATE)
        if odd:
            raise ValueError(f"{rate} Hz is no multiple of {TELEPHONE_RATE} Hz")
        self._taps = _low_pass(_DOWN_TAPS * rate // SPEAKING_RATE | 1, rate)
        self._before = np.zeros(len(self._taps) - 1, np.float32)

    def convert(self, sound: Samples) -> Samples:
        """The next piece of the sound. Its number of samples must be a multiple of ``rate / 8000``."""
        if len(sound) % self._scale:
            raise ValueError(f"a piece must have a multiple of {self._scale} samples")
        whole = np.concatenate([self._before, sound])
        self._before = whole[len(whole) - (len(self._taps) - 1) :]
        if not len(sound):
            return np.zeros(0, np.float32)
        return np.asarray(sliding_window_view(whole, len(self._taps))[:: self._scale] @ self._taps, np.float32)

    def finish(self) -> Samples:
        """What the filter still has at the end of a sound: less than 2 ms. Another sound may begin afterwards."""
        rest = self.convert(np.zeros(-(-(len(self._taps) // 2) // self._scale) * self._scale, np.float32))
        self.reset()
        return rest

    def reset(self) -> None:
        """Forget the sound so far. Call this before another sound begins."""
        self._before = np.zeros(len(self._taps) - 1, np.float32)
