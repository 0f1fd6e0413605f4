"""Recordings as files."""

from __future__ import annotations

from pathlib import Path

import av

from audio.pcm import to_int16
from audio.samples import Samples
from tts_server.voices.decoding import RATE

_PIECE = RATE


def write_flac(path: Path, samples: Samples) -> None:
    """Write mono float32 samples at 24,000 Hz as 16-bit FLAC."""
    whole = to_int16(samples)
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono", format="s16")
        if not isinstance(stream, av.AudioStream):
            raise TypeError("FLAC is no audio codec")
        for start in range(0, len(whole), _PIECE):
            frame = av.AudioFrame.from_ndarray(whole[None, start : start + _PIECE], format="s16", layout="mono")
            frame.sample_rate = RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
