"""The sound of one person that is, or may become, part of a turn."""

from __future__ import annotations

from collections import deque

import numpy as np

from audio.samples import HEARING_RATE, Sound16

_STEP = HEARING_RATE // 100
_QUIET_STEPS = 10


class TurnAudio:
    """Forgets all but the last bit, the pre-roll, until it is told to keep everything.

    Args:
        pre_roll: how many samples are kept from before, rounded up to whole pieces.
    """

    def __init__(self, pre_roll: int) -> None:
        self._pre_roll = pre_roll
        self._pieces: deque[Sound16] = deque()
        self._samples = 0
        self._keeping = False

    def __len__(self) -> int:
        """Samples held."""
        return self._samples

    def add(self, piece: Sound16) -> None:
        """The next piece of sound; it must not be changed afterwards."""
        self._pieces.append(piece)
        self._samples += len(piece)
        self._forget()

    def keep(self) -> None:
        """A turn has begun: forget nothing from now on."""
        self._keeping = True

    def whole(self) -> Sound16:
        """All that is held, as one new array."""
        return np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.float32)

    def take(self, samples: int) -> Sound16:
        """Take the first ``samples`` out."""
        whole = self.whole()
        self._pieces = deque([whole[samples:]])
        self._samples = len(whole) - samples
        return whole[:samples]

    def end(self, samples: int) -> None:
        """The turn is over, and its first ``samples`` were handed on: the rest may be the pre-roll of the next."""
        self._keeping = False
        self.take(samples)
        self._forget()

    def clear(self) -> None:
        """Hold nothing, and keep nothing but the pre-roll."""
        self._pieces.clear()
        self._samples = 0
        self._keeping = False

    def quietest(self, within: int) -> int:
        """Where the last ``within`` samples are quietest: the middle of the quietest tenth of a second."""
        whole = self.whole()
        begin = max(0, len(whole) - within)
        steps = (len(whole) - begin) // _STEP
        energy = np.square(whole[begin : begin + steps * _STEP]).reshape(steps, _STEP).sum(axis=1)
        if steps < _QUIET_STEPS:
            return len(whole)
        tenths = np.convolve(energy, np.ones(_QUIET_STEPS), mode="valid")
        return begin + (int(np.argmin(tenths)) + _QUIET_STEPS // 2) * _STEP

    def _forget(self) -> None:
        while not self._keeping and self._pieces and self._samples - len(self._pieces[0]) >= self._pre_roll:
            self._samples -= len(self._pieces.popleft())
