"""Sound of a speech server that sends nothing but float32 samples. A frame may hold any bytes."""

from __future__ import annotations

import numpy as np

from audio.samples import Samples

FLOAT_BYTES = 4
AUDIBLE = 1e-3
"""Sound below this level (-60 dB) counts as silence."""
MAX_LEVEL = 8.0
"""A sample above this is no sound. A smaller sample above 1 is that of a voice a little too loud, and becomes 1."""
MAX_WRONG = 0.01
"""Largest share of samples of a frame that may be no sound. Such samples become silence."""


def read_frame(frame: bytes) -> Samples | None:
    """The samples of a frame, each from -1 to 1; ``None`` if the frame is no float32 sound.

    Other kinds of samples, such as 16-bit integers, would be a loud noise in people's ears.
    """
    if len(frame) % FLOAT_BYTES:
        return None
    samples = np.frombuffer(frame, "<f4").astype(np.float32, copy=False)
    # A comparison with NaN is false, so NaN is no sound either.
    sound = np.abs(samples) <= MAX_LEVEL
    right = int(np.count_nonzero(sound))
    if right < len(samples) * (1 - MAX_WRONG):
        return None
    if right < len(samples):
        samples = np.where(sound, samples, np.float32(0))
    return np.clip(samples, -1.0, 1.0)


def is_audible(samples: Samples) -> bool:
    """Whether there is anything but silence."""
    return len(samples) > 0 and float(np.max(np.abs(samples))) >= AUDIBLE
