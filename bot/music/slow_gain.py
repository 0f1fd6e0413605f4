"""Levels sound that nobody can measure before it is played: a slow gain follows its loudness."""

from __future__ import annotations

import math

from audio.loudness import LoudnessMeter
from audio.samples import FRAME_SECONDS
from bot.voice.mixing.levels import Stereo, factor, scaled
from bot.voice.mixing.limiter import Limiter

FOLLOW_SECONDS = 5.0
"""Time constant with which the gain follows the loudness."""
QUIETEST_LUFS = -50.0
"""Quieter sound is a pause. The gain stays as it is meanwhile."""


class SlowGain:
    """Makes stereo frames as loud as other music, within bounds. The peaks stay below the ceiling of the limiter.

    Frames are first measured (:meth:`hear`) and later levelled (:meth:`level`). With the first sound, the gain is right
    at once; from then on it follows over seconds, so that what is quiet within a piece stays quieter. Not thread-safe.

    Args:
        target: loudness to reach, in LUFS.
        most: a quiet stream is made louder by this many decibels at most.
    """

    def __init__(self, target: float, most: float) -> None:
        self._target = target
        self._most = most
        self._meter = LoudnessMeter()
        self._limiter = Limiter()
        self._loudness: float | None = None
        self._gain = 1.0

    @property
    def decibels(self) -> float:
        """The gain that is wanted now, in dB."""
        if self._loudness is None:
            return 0.0
        return min(self._target - self._loudness, self._most)

    def hear(self, frame: Stereo) -> None:
        """Measure a frame, before it is levelled."""
        self._meter.add(frame.reshape(-1))
        now = self._meter.momentary
        if not math.isfinite(now) or now < QUIETEST_LUFS:
            return
        if self._loudness is None:
            self._loudness = now
        else:
            self._loudness += (now - self._loudness) * (1 - math.exp(-FRAME_SECONDS / FOLLOW_SECONDS))

    def level(self, frame: Stereo) -> Stereo:
        """The frame with the current gain. The gain changes evenly from that of the frame before."""
        before, self._gain = self._gain, factor(self.decibels)
        return self._limiter.limit(scaled(frame, before, self._gain))
