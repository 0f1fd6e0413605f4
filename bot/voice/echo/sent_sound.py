"""The sound that the bot has sent, as loudspeakers play it: with the silence of stalls between frames, or without."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio.samples import HEARING_RATE, Sound16

PACE_JITTER = 0.03
"""If the gap between two sent frames is longer than this, in seconds, it counts as a pause."""
LONGEST_STALL = 0.4
"""A pause of at most this many seconds may be a stall of the machine. Loudspeakers with enough sound in their buffer
play on meanwhile.
"""


class SentSound:
    """Keeps the newest sound that the bot has sent: mono, 16,000 Hz. Use it on one thread.

    Args:
        kept: number of samples that are kept, those of pauses included.
        longest_pause: number of seconds. After a longer pause, :attr:`going_on` counts from 0 again.

    Attributes:
        going_on: number of samples since the newest long pause, those of shorter pauses included.
    """

    def __init__(self, kept: int, longest_pause: float) -> None:
        self.going_on = 0
        self._kept = kept
        self._longest_pause = longest_pause
        self._sound = np.zeros(0, np.float32)
        # For each sample of `_sound`, whether it is the silence of a stall.
        self._stalled: NDArray[np.bool_] = np.zeros(0, np.bool_)
        # The newest pause in `_sound`, if it may have been a stall: number of samples in it, and number after it.
        self._stall, self._after_stall = 0, 0
        self._until = 0.0

    def append(self, sound: Sound16, at: float) -> None:
        """Add sound that the bot sends. Its first sample is sent at ``at`` (monotonic seconds).

        If frames come faster than one every 20 ms after a stall, the machine catches up, and the stall is shortened.
        """
        pause = at - self._until
        silent = min(int(pause * HEARING_RATE), self._kept) if pause > PACE_JITTER else 0
        if silent:
            self._stall, self._after_stall = (silent, 0) if pause <= LONGEST_STALL else (0, 0)
        elif self._stall and pause < 0:
            self._shorten_stall(-pause)
        self._after_stall += len(sound)
        self.going_on = (0 if pause > self._longest_pause else self.going_on + silent) + len(sound)
        self._sound = np.concatenate([self._sound, np.zeros(silent, np.float32), sound])[-self._kept :]
        stalled = np.concatenate([np.full(silent, pause <= LONGEST_STALL), np.zeros(len(sound), np.bool_)])
        self._stalled = np.concatenate([self._stalled, stalled])[-self._kept :]
        self._until = at + len(sound) / HEARING_RATE

    def _shorten_stall(self, early: float) -> None:
        """Take silence out of the newest stall, because the next frame comes ``early`` seconds before it is due."""
        taken = min(self._stall, round(early * HEARING_RATE), len(self._sound) - self._after_stall)
        if taken <= 0:
            return
        end = len(self._sound) - self._after_stall
        self._sound = np.delete(self._sound, slice(end - taken, end))
        self._stalled = np.delete(self._stalled, slice(end - taken, end))
        self._stall -= taken
        self.going_on -= taken

    def before(self, at: float, samples: int) -> list[Sound16]:
        """The newest ``samples`` samples, as far as they were sent before ``at``, and the silence up to ``at``.

        Returns:
            The sound with the stalls as silence. If there were stalls, the same sound without them comes second, as
            loudspeakers play it if their buffer lasts.
        """
        since = round((at - self._until) * HEARING_RATE)
        end = len(self._sound) + min(since, 0)
        kept = slice(max(len(self._sound) - samples, 0), max(end, 0))
        sound, stalled = self._sound[kept], self._stalled[kept]
        silence = np.zeros(min(max(since, 0), self._kept), np.float32)
        played = [sound, sound[~stalled]] if stalled.any() else [sound]
        return [np.concatenate([each, silence]) for each in played]
