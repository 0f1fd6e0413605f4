"""The representation of sound in this project: arrays of samples, and their sample rates in a call."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Sound, nominally -1 to 1. It is mono unless stereo is mentioned. The sample rate is stated where it is used."""

HEARING_RATE = 16_000
"""Sample rate, in Hz, of all sound from which speech is recognised."""

Sound16 = NDArray[np.float32]
"""Samples at :data:`HEARING_RATE`."""

SPEAKING_RATE = 48_000
"""Sample rate, in Hz, of all sound that is played into a call."""

FRAME_SECONDS = 0.02
"""Length of a frame, in seconds. The sound of a call is passed on in frames."""
HEARING_FRAME, SPEAKING_FRAME = HEARING_RATE // 50, SPEAKING_RATE // 50
"""Number of samples of a frame at :data:`HEARING_RATE` and at :data:`SPEAKING_RATE`."""


def finite(samples: Samples) -> Samples:
    """The samples, with 0 in place of NaN and infinity."""
    return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
