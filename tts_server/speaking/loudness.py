"""How loud an engine speaks, so that another that takes over does not make people start."""

from __future__ import annotations

import math

import numpy as np

from audio.samples import Samples

_FRAME_SECONDS = 0.02
_SPEECH_BELOW_LOUDEST = 0.1
"""Frames 20 dB below the loudest are pauses."""
_ENOUGH_SECONDS = 0.2
_MEMORY_SECONDS = 20.0
_GAINS = (0.25, 4.0)


class Loudness:
    """The level of what an engine says, pauses left out. Told by one thread, asked by any."""

    def __init__(self, rate: int) -> None:
        self._frame = round(rate * _FRAME_SECONDS)
        self._loudest = 0.0
        self._power = 0.0
        self._seconds = 0.0

    def heard(self, samples: Samples) -> None:
        """Take the engine's next samples."""
        whole = len(samples) - len(samples) % self._frame
        if not whole:
            return
        powers = np.mean(samples[:whole].reshape(-1, self._frame) ** 2, axis=1)
        self._loudest = max(self._loudest, float(powers.max()))
        speech = powers[powers > self._loudest * _SPEECH_BELOW_LOUDEST**2]
        if len(speech):
            seconds = len(speech) * _FRAME_SECONDS
            kept = min(self._seconds, _MEMORY_SECONDS - min(seconds, _MEMORY_SECONDS))
            self._power = (self._power * kept + float(speech.mean()) * seconds) / (kept + seconds)
            self._seconds = kept + seconds

    @property
    def level(self) -> float | None:
        """Root mean square of speech, 1 being full scale; ``None`` until there was enough."""
        return math.sqrt(self._power) if self._seconds >= _ENOUGH_SECONDS and self._power > 0 else None

    def gain_to(self, other: Loudness) -> float:
        """The factor that makes this engine as loud as ``other``, within 12 dB; 1 where either is not yet known."""
        mine, wanted = self.level, other.level
        if mine is None or wanted is None:
            return 1.0
        return min(max(wanted / mine, _GAINS[0]), _GAINS[1])
