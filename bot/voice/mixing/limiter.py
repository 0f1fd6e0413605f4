"""The limiter of the mixer: it keeps the peaks of a mixture below a ceiling."""

from __future__ import annotations

import numpy as np

from audio.samples import SPEAKING_FRAME
from bot.voice.mixing.levels import Stereo, factor

CEILING_DB = -4.0
"""Highest peak of a mixture, in dBFS.

Opus makes peaks up to 2.7 dB higher if loud music was limited. With this ceiling, what people hear stays below -1 dBFS.
"""
CEILING = factor(CEILING_DB)
BLOCKS = 20
"""Number of parts of a frame. A part lasts a millisecond, in which the gain rises or falls evenly."""
RELEASE = 1.01
"""Largest factor by which the gain grows back in a millisecond: 0.09 dB, so 6 dB take 70 ms."""
ATTACK = 0.06
"""Largest amount by which the gain (1 at most) falls in a millisecond, unless the peak is too near to the beginning of
its frame."""

_PLACES = np.arange(SPEAKING_FRAME, dtype=np.float32) / (SPEAKING_FRAME // BLOCKS)
_EDGES = np.arange(BLOCKS + 1, dtype=np.float32)


class Limiter:
    """Lowers the gain before and around a peak, for both channels alike.

    It sees the whole of a frame, so it needs no look-ahead and adds no delay. A peak at the very beginning of a frame
    lowers the gain at once. Not thread-safe.
    """

    def __init__(self) -> None:
        self._gain = 1.0

    def reset(self) -> None:
        """Begin anew with full gain."""
        self._gain = 1.0

    def limit(self, sound: Stereo) -> Stereo:
        """The frame with all peaks at :data:`CEILING` or below. A frame that needs no limiting is returned as it is."""
        peaks = np.abs(sound).max(axis=1).reshape(BLOCKS, -1).max(axis=1)
        if self._gain == 1.0 and peaks.max() <= CEILING:
            return sound
        wanted = np.minimum(1.0, CEILING / np.maximum(peaks, CEILING))
        edges = self._edges(wanted.tolist())
        self._gain = edges[-1]
        gains = np.interp(_PLACES, _EDGES, edges).astype(np.float32)
        limited: Stereo = np.clip(sound * gains[:, np.newaxis], -CEILING, CEILING, dtype=np.float32)
        return limited

    def _edges(self, wanted: list[float]) -> list[float]:
        """The gains at the edges of the parts. None is above the wanted gain of a part beside it."""
        edges = [min(self._gain, wanted[0])]
        for before, after in zip(wanted, (*wanted[1:], 1.0), strict=True):
            edges.append(min(before, after, edges[-1] * RELEASE))
        for at in range(BLOCKS - 1, -1, -1):
            edges[at] = min(edges[at], edges[at + 1] + ATTACK)
        return edges
