"""The level of sound: the root mean square (RMS) of its samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio.samples import Samples


def rms(samples: NDArray[np.floating]) -> float:
    """The level of all samples together; 0 if there are none."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def rms_of_frames(samples: NDArray[np.floating], frame: int) -> NDArray[np.float64]:
    """The level of each frame of ``frame`` samples. An incomplete last frame is left out."""
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    levels: NDArray[np.float64] = np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1))
    return levels


def at_level(samples: NDArray[np.floating], level: float) -> Samples:
    """The samples, scaled to this level. Silence stays silent."""
    loud = rms(samples)
    return (samples * (level / loud if loud else 1.0)).astype(np.float32)
