"""Sound files for tests, made by FFmpeg."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from audio.pcm import to_int16

RATE = 48_000


def recording(
    sound: NDArray[np.float32] | float, *, container: str = "ogg", codec: str = "libopus", rate: int = RATE
) -> bytes:
    """A file with this sound (mono, 48,000 Hz), or with a tone, if ``sound`` is a number of seconds."""
    if not isinstance(sound, np.ndarray):
        sound = (0.2 * np.sin(np.arange(int(sound * RATE)) * 2 * np.pi * 220 / RATE)).astype(np.float32)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        pcm = to_int16(sound)
        for at in range(0, len(pcm), 4800):
            frame = av.AudioFrame.from_ndarray(pcm[None, at : at + 4800], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()
