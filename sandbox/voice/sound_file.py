"""Sound files for guests to speak: anything that PyAV decodes, as 48,000 Hz mono."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from sandbox.voice.hearing import Sound
from sandbox.voice.opus import SAMPLE_RATE


def read_sound(path: Path) -> Sound:
    """The whole file, -1 to 1. Blocks: call it in a thread.

    Raises:
        OSError: there is no such file, or it is no sound.
    """
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    parts: list[Sound] = []
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(audio=0):
                parts += [resampled.to_ndarray()[0] for resampled in resampler.resample(frame)]
            parts += [resampled.to_ndarray()[0] for resampled in resampler.resample(None)]
    except (av.FFmpegError, IndexError) as error:
        raise OSError(f"{path} can't be read as sound: {error}") from error
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, np.float32)
