"""Loudness of music by EBU R128, measured with FFmpeg's filter."""

from __future__ import annotations

import math
from fractions import Fraction

import av
from av.filter import Graph

from audio.samples import SPEAKING_RATE, Samples

SILENT_LUFS = -70.0
"""Integrated loudness below which there is nothing but silence."""


class LoudnessMeter:
    """Measures the loudness of stereo sound at 48,000 Hz. Not thread-safe.

    Attributes:
        lufs: the integrated loudness of all sound up to now, in LUFS.
        momentary: the loudness of the last 0.4 s, in LUFS. It is measured anew after each 0.1 s of sound.
    """

    def __init__(self) -> None:
        self.lufs = -math.inf
        self.momentary = -math.inf
        self._samples = 0
        self._graph = Graph()
        source = self._graph.add(
            "abuffer",
            f"sample_rate={SPEAKING_RATE}:sample_fmt=flt:channel_layout=stereo:time_base=1/{SPEAKING_RATE}",
        )
        meter = self._graph.add("ebur128", "metadata=1:framelog=quiet")
        source.link_to(meter)
        meter.link_to(self._graph.add("abuffersink"))
        self._graph.configure()

    def add(self, sound: Samples) -> None:
        """Measure more sound: stereo, left and right samples taking turns."""
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SPEAKING_RATE, self._samples, Fraction(1, SPEAKING_RATE)
        self._samples += len(sound) // 2
        self._graph.push(frame)
        while True:
            try:
                measured = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            found = dict(getattr(measured, "metadata", {}))
            self.lufs = float(found.get("lavfi.r128.I", self.lufs))
            self.momentary = float(found.get("lavfi.r128.M", self.momentary))
