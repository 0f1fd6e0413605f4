"""Changes pitch and tempo of streaming sound, with FFmpeg's audio filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import av
import numpy as np
from av.filter import Graph

from audio.samples import Samples

Filter = tuple[str, str]
"""FFmpeg's name of a filter, and its arguments."""
TEMPO_RATE = 32_000
"""Sample rate in Hz at which the tempo is changed."""
# Window of atempo: 32 ms, two periods of the lowest voice. A longer window only adds delay.
_WINDOW_SAMPLES = 1024
# Sample rate in Hz that is declared to atempo. atempo's window lasts 1/24 s, and its number of samples is rounded to a
# power of two. With this rate, the window has _WINDOW_SAMPLES samples.
_NOMINAL_RATE = 24 * _WINDOW_SAMPLES
# atempo drops samples that don't fill a window. This much silence at the end pushes all of the sound out.
_FLUSH_SECONDS = 0.25
LOWEST_SHIFT, MAX_SHIFT = -12.0, 12.0
"""Bounds of a shift of the pitch, in semitones."""
SLOWEST_TEMPO, FASTEST_TEMPO = 0.25, 4.0
"""Bounds of a tempo, as a factor."""


def tempo_filters(factor: float) -> tuple[Filter, ...]:
    """Filters that speed up sound at :data:`TEMPO_RATE` by ``factor`` without changing its pitch."""
    # A single atempo filter can't apply a factor below 0.5.
    steps = (0.5, factor / 0.5) if factor < 0.5 else (factor,)
    return (
        ("asetrate", str(_NOMINAL_RATE)),
        *(("atempo", f"{step:.9f}") for step in steps),
        ("asetrate", str(TEMPO_RATE)),
    )


class AudioFilterChain:
    """Streams mono float32 at ``rate`` Hz through filters, in order. CPU-bound: call it in a thread.

    The output's length is the input's divided by ``tempo``, to the sample.
    """

    def __init__(self, rate: int, filters: Sequence[Filter], tempo: float = 1.0) -> None:
        self._rate = rate
        self._tempo = tempo
        self._given = 0
        self._taken = 0
        self._graph = Graph()
        # FFmpeg would start a thread per core, which none of these filters needs.
        self._graph.threads = 1
        self._graph.link_nodes(
            self._graph.add_abuffer(sample_rate=rate, format="flt", layout="mono"),
            *(self._graph.add(name, arguments) for name, arguments in filters),
            self._graph.add("aformat", "sample_fmts=flt:channel_layouts=mono"),
            self._graph.add("abuffersink"),
        )
        self._graph.configure()

    def push(self, samples: Samples) -> Samples:
        """Add samples. Returns the samples that are ready, which may be none."""
        self._given += len(samples)
        self._put(samples)
        ready = self._pull()[: self._samples_due]
        self._taken += len(ready)
        return ready

    def finish(self) -> Samples:
        """End the input and return the remaining samples."""
        if not self._given:
            return np.zeros(0, np.float32)
        self._put(np.zeros(round(_FLUSH_SECONDS * max(self._tempo, 1) * self._rate), np.float32))
        self._graph.push(None)
        rest = self._pull()[: self._samples_due]
        return np.pad(rest, (0, self._samples_due - len(rest)))

    @property
    def _samples_due(self) -> int:
        return round(self._given / self._tempo) - self._taken

    def _put(self, samples: Samples) -> None:
        if len(samples):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), "flt", "mono")
            frame.sample_rate = self._rate
            self._graph.push(frame)

    def _pull(self) -> Samples:
        ready = [frame.to_ndarray().reshape(-1) for frame in self._frames()]
        return np.concatenate(ready) if ready else np.zeros(0, np.float32)

    def _frames(self) -> Iterator[av.AudioFrame]:
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            if isinstance(frame, av.AudioFrame):
                yield frame


class PitchShifter:
    """Raises the pitch of mono float32 at ``rate`` Hz by ``semitones`` (-12 to 12). CPU-bound: call it in a thread.

    The output is as long as the input, to the sample. Up to 60 ms are held back until more input comes, or the input
    ends. At 0 semitones, samples pass unchanged.
    """

    def __init__(self, semitones: float, rate: int) -> None:
        if not LOWEST_SHIFT <= semitones <= MAX_SHIFT:
            raise ValueError(f"pitch is shifted by {LOWEST_SHIFT:g} to {MAX_SHIFT:g} semitones, not {semitones:g}")
        self._chain = AudioFilterChain(rate, _filters(2 ** (semitones / 12), rate)) if semitones else None

    def push(self, samples: Samples) -> Samples:
        """Add samples. Returns the samples that are ready, which may be none."""
        return self._chain.push(samples) if self._chain else samples

    def finish(self) -> Samples:
        """End the input and return the remaining samples."""
        return self._chain.finish() if self._chain else np.zeros(0, np.float32)


def _filters(ratio: float, rate: int) -> list[Filter]:
    """Filters that speed the sound up by ``ratio``, which raises its pitch, and restore its tempo."""
    # The pitch is raised before the tempo filters, but lowered after them. So the tempo filters always get the higher
    # pitch, and more periods of the sound fit into a window.
    before, after = (ratio, 1.0) if ratio > 1 else (1.0, ratio)
    return [
        ("asetrate", str(round(rate * before))),
        ("aresample", str(TEMPO_RATE)),
        *tempo_filters(1 / ratio),
        ("asetrate", str(round(TEMPO_RATE * after))),
        ("aresample", str(rate)),
    ]


class TempoChanger:
    """Speeds up mono float32 at ``rate`` Hz by the factor ``tempo`` (0.25 to 4). CPU-bound: call it in a thread.

    The output's length is the input's divided by ``tempo``, to the sample. At 1, samples pass unchanged.
    """

    def __init__(self, tempo: float, rate: int) -> None:
        if not SLOWEST_TEMPO <= tempo <= FASTEST_TEMPO:
            raise ValueError(f"the tempo is {SLOWEST_TEMPO:g} to {FASTEST_TEMPO:g} times as fast, not {tempo:g}")
        filters = [("aresample", str(TEMPO_RATE)), *tempo_filters(tempo), ("aresample", str(rate))]
        self._chain = None if tempo == 1 else AudioFilterChain(rate, filters, tempo)

    def push(self, samples: Samples) -> Samples:
        """Add samples. Returns the samples that are ready, which may be none."""
        return self._chain.push(samples) if self._chain else samples

    def finish(self) -> Samples:
        """End the input and return the remaining samples."""
        return self._chain.finish() if self._chain else np.zeros(0, np.float32)
