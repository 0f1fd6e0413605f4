"""What sound is in this project: arrays of samples, and the rates that they have in a call."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono, nominally -1 to 1, at the rate its owner names."""

HEARING_RATE = 16_000
"""Samples a second of everything that is listened to."""

Sound16 = NDArray[np.float32]
"""Samples at :data:`HEARING_RATE`."""

SPEAKING_RATE = 48_000
"""Samples a second of everything that is played into a call."""


def finite(samples: Samples) -> Samples:
    """The samples, with silence in place of what is no finite number."""
    return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
