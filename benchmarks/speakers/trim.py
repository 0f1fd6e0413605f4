"""Cutting the silence off the beginning and the end of a sound."""

from __future__ import annotations

import numpy as np

from sandbox.voice.opus import Sound

VOICED = 0.01
"""Samples above this level are speech."""


def trimmed(sound: Sound, above: float = VOICED) -> Sound:
    """The sound from its first to its last sample above a level. At least one sample must be above the level."""
    voiced = np.flatnonzero(np.abs(sound) > above)
    return sound[voiced[0] : voiced[-1] + 1]
