"""A chain of FFmpeg's audio filters that sound streams through, and the one that changes tempo without pitch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import av
import numpy as np
from av.filter import Graph

from audio.samples import Samples

Filter = tuple[str, str]
"""FFmpeg's name for a filter, and its arguments."""
TEMPO_RATE = 32_000
"""The rate in Hz at which tempo is changed."""
# How much sound atempo moves at once: 32 ms, two periods of the lowest voice; more would only delay.
_WINDOW_SAMPLES = 1024
# It takes a 24th of a second of what it believes the rate to be, and needs a power of two.
_LABEL_RATE = 24 * _WINDOW_SAMPLES
# It drops what does not fill its windows: so much silence behind the sound pushes all of it out.
_PUSHING_SECONDS = 0.25
LOWEST, HIGHEST = -12.0, 12.0
SLOWEST, FASTEST = 0.25, 4.0


def tempo_filters(factor: float) -> tuple[Filter, ...]:
    """Filters that take sound at :data:`TEMPO_RATE` and play it ``factor`` times as fast, at its own pitch."""
    # By itself atempo begins at half.
    steps = (0.5, factor / 0.5) if factor < 0.5 else (factor,)
    return (
        ("asetrate", str(_LABEL_RATE)),
        *(("atempo", f"{step:.9f}") for step in steps),
        ("asetrate", str(TEMPO_RATE)),
    )


class AudioFilterChain:
    """Mono float32 at ``rate`` Hz through filters, in order. It computes: call it in a thread.

    What comes out is as long as what went in, divided by ``tempo``, to the sample.
    """

    def __init__(self, rate: int, filters: Sequence[Filter], tempo: float = 1.0) -> None:
        self._rate = rate
        self._tempo = tempo
        self._given = 0
        self._taken = 0
        self._graph = Graph()
        # FFmpeg would start a thread for each core, and none of these filters has a use for them.
        self._graph.threads = 1
        self._graph.link_nodes(
            self._graph.add_abuffer(sample_rate=rate, format="flt", layout="mono"),
            *(self._graph.add(name, arguments) for name, arguments in filters),
            self._graph.add("aformat", "sample_fmts=flt:channel_layouts=mono"),
            self._graph.add("abuffersink"),
        )
        self._graph.configure()

    def push(self, samples: Samples) -> Samples:
        """Take more sound; returns what is ready, which may be nothing."""
        self._given += len(samples)
        self._put(samples)
        ready = self._pull()[: self._due]
        self._taken += len(ready)
        return ready

    def finish(self) -> Samples:
        """Nothing more comes; returns the rest."""
        if not self._given:
            return np.zeros(0, np.float32)
        self._put(np.zeros(round(_PUSHING_SECONDS * max(self._tempo, 1) * self._rate), np.float32))
        self._graph.push(None)
        rest = self._pull()[: self._due]
        return np.pad(rest, (0, self._due - len(rest)))

    @property
    def _due(self) -> int:
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
    """Mono float32 at ``rate`` Hz, ``semitones`` (-12 to 12) higher. It computes: call it in a thread.

    What comes out is as long as what went in, to the sample; up to 60 ms of it are held back until more comes, or the
    end. At 0 semitones sound passes untouched.
    """

    def __init__(self, semitones: float, rate: int) -> None:
        if not LOWEST <= semitones <= HIGHEST:
            raise ValueError(f"pitch is shifted by {LOWEST:g} to {HIGHEST:g} semitones, not {semitones:g}")
        self._chain = AudioFilterChain(rate, _filters(2 ** (semitones / 12), rate)) if semitones else None

    def push(self, samples: Samples) -> Samples:
        """Take more sound; returns what is ready, which may be nothing."""
        return self._chain.push(samples) if self._chain else samples

    def finish(self) -> Samples:
        """Nothing more comes; returns the rest."""
        return self._chain.finish() if self._chain else np.zeros(0, np.float32)


def _filters(ratio: float, rate: int) -> list[Filter]:
    """Play it ``ratio`` times as fast, which raises the pitch, and bring it back to its tempo."""
    # The tempo is changed where the voice is at its highest, since there a window holds the most periods of it.
    before, after = (ratio, 1.0) if ratio > 1 else (1.0, ratio)
    return [
        ("asetrate", str(round(rate * before))),
        ("aresample", str(TEMPO_RATE)),
        *tempo_filters(1 / ratio),
        ("asetrate", str(round(TEMPO_RATE * after))),
        ("aresample", str(rate)),
    ]


class TempoChanger:
    """Mono float32 at ``rate`` Hz, ``tempo`` times as fast (0.25 to 4). It computes: call it in a thread.

    What comes out is as long as what went in, divided by the tempo, to the sample. At 1 sound passes untouched.
    """

    def __init__(self, tempo: float, rate: int) -> None:
        if not SLOWEST <= tempo <= FASTEST:
            raise ValueError(f"the tempo is {SLOWEST:g} to {FASTEST:g} times as fast, not {tempo:g}")
        filters = [("aresample", str(TEMPO_RATE)), *tempo_filters(tempo), ("aresample", str(rate))]
        self._chain = None if tempo == 1 else AudioFilterChain(rate, filters, tempo)

    def push(self, samples: Samples) -> Samples:
        """Take more sound; returns what is ready, which may be nothing."""
        return self._chain.push(samples) if self._chain else samples

    def finish(self) -> Samples:
        """Nothing more comes; returns the rest."""
        return self._chain.finish() if self._chain else np.zeros(0, np.float32)
