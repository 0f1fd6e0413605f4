"""What sound is in this project: arrays of samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono, nominally -1 to 1, at the rate its owner names."""


def finite(samples: Samples) -> Samples:
    """The samples, with silence in place of what is no finite number."""
    return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
