"""The sound of a person's current turn, and the newest sound between turns."""

from __future__ import annotations

from collections import deque

import numpy as np

from audio.samples import HEARING_RATE, Sound16

_STEP = HEARING_RATE // 100
"""The search for a quiet place measures the energy in steps of this many samples (10 ms)."""
_QUIET_STEPS = 10
"""Number of steps in a quiet place (0.1 s)."""


class TurnAudio:
    """Holds the sound of the current turn or, between turns, only the newest sound: the pre-roll of the next turn.

    All sound is mono, 16,000 Hz.

    Args:
        pre_roll: least number of samples to hold between turns. Only whole arrays are dropped, so more may be held.
    """

    def __init__(self, pre_roll: int) -> None:
        self._pre_roll = pre_roll
        self._pieces: deque[Sound16] = deque()
        self._samples = 0
        self._keeping = False

    def __len__(self) -> int:
        """Number of samples held."""
        return self._samples

    def add(self, piece: Sound16) -> None:
        """Append sound. The array must not be changed afterwards."""
        self._pieces.append(piece)
        self._samples += len(piece)
        self._drop_oldest()

    def begin_turn(self) -> None:
        """Begin a turn: keep the pre-roll and all sound from now on."""
        self._keeping = True

    def whole(self) -> Sound16:
        """All sound held, as one new array."""
        return np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.float32)

    def take(self, samples: int) -> Sound16:
        """Remove and return the first ``samples`` samples."""
        whole = self.whole()
        self._pieces = deque([whole[samples:]])
        self._samples = len(whole) - samples
        return whole[:samples]

    def end_turn(self, samples: int) -> None:
        """Remove the turn, which is the first ``samples`` samples. The rest may be the pre-roll of the next turn."""
        self._keeping = False
        self.take(samples)
        self._drop_oldest()

    def clear(self) -> None:
        """Remove all sound, and end the turn."""
        self._pieces.clear()
        self._samples = 0
        self._keeping = False

    def quietest(self, within: int) -> int:
        """Find the quietest tenth of a second within the last ``within`` samples.

        Returns:
            The position of the middle of that tenth in :meth:`whole`, in samples. If less than a tenth of a second is
            searched, the end of the sound.
        """
        whole = self.whole()
        begin = max(0, len(whole) - within)
        steps = (len(whole) - begin) // _STEP
        energy = np.square(whole[begin : begin + steps * _STEP]).reshape(steps, _STEP).sum(axis=1)
        if steps < _QUIET_STEPS:
            return len(whole)
        tenths = np.convolve(energy, np.ones(_QUIET_STEPS), mode="valid")
        return begin + (int(np.argmin(tenths)) + _QUIET_STEPS // 2) * _STEP

    def _drop_oldest(self) -> None:
        """Between turns, drop the pieces that are older than the pre-roll."""
        while not self._keeping and self._pieces and self._samples - len(self._pieces[0]) >= self._pre_roll:
            self._samples -= len(self._pieces.popleft())
