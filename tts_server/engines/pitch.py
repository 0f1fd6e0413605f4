"""The pitch of a voice, by autocorrelation: all that the stand-in imitates of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from audio.decode import read_sound
from audio.samples import Samples
from tts_server.engines.base import EngineError
from tts_server.voices.decoding import RATE

LOWEST_HZ, HIGHEST_HZ = 60.0, 400.0
FRAME_SECONDS = 0.05
VOICED_LEVEL = 0.3
"""Of the loudest frame's; what is quieter is no vowel."""
PERIODIC = 0.5
"""The correlation with itself, one period later, from which on a frame has a pitch."""
OCTAVE = 0.9
"""Of the best correlation: a shorter period that has as much is the true one, and the longer ones are its multiples."""

_Correlation = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Pitch:
    """How high a voice is, in Hz, and the correlation with itself (-1 to 1), lag by lag, that it was found from."""

    hz: float
    shape: _Correlation

    @classmethod
    def of(cls, sound: Samples, rate: int) -> Self:
        """The middle pitch of everything in it that has one.

        Raises:
            EngineError: nothing has.
        """
        shapes = _correlations(sound, rate)
        shortest = round(rate / HIGHEST_HZ)
        best = shapes[:, shortest:].max(axis=1, initial=-1.0)
        periodic = best >= PERIODIC
        if not periodic.any():
            raise EngineError("there is no voice with a pitch in the recording")
        # The first lag that comes close to the best one lies on the slope of its peak; the peak is a little further.
        lags = [
            _peak(shape, shortest, OCTAVE * top) for shape, top in zip(shapes[periodic], best[periodic], strict=True)
        ]
        return cls(float(rate / np.median(lags)), shapes[periodic].mean(axis=0))

    def likeness(self, other: Pitch) -> float:
        """The cosine similarity of the two shapes, -1 to 1; both from sound of one rate."""
        norms = np.linalg.norm(self.shape) * np.linalg.norm(other.shape)
        return float(self.shape @ other.shape / norms) if norms else 0.0


def _correlations(sound: Samples, rate: int) -> _Correlation:
    """Of each loud frame: its correlation with itself at every lag up to the longest period."""
    size, longest = round(FRAME_SECONDS * rate), round(rate / LOWEST_HZ)
    whole = len(sound) // size * size
    frames = sound[:whole].reshape(-1, size).astype(np.float64)
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = np.square(frames).sum(axis=1)
    frames = frames[(power > 0) & (power >= VOICED_LEVEL**2 * power.max(initial=0.0))]
    spectrum = np.fft.rfft(frames, 2 * size, axis=1)
    products = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, : longest + 1]
    # Fewer samples overlap the longer the lag is; without this, every peak would lean towards the short ones.
    overlap = (size - np.arange(longest + 1)) / size
    shapes: _Correlation = products / overlap / np.maximum(products[:, :1], np.finfo(np.float64).tiny)
    return shapes


def _peak(shape: _Correlation, shortest: int, enough: float) -> float:
    lag = shortest + int(np.argmax(shape[shortest:] >= enough))
    while lag + 1 < len(shape) and shape[lag + 1] > shape[lag]:
        lag += 1
    if not 0 < lag < len(shape) - 1:
        return float(lag)
    before, at, after = shape[lag - 1 : lag + 2]
    bend = before - 2 * at + after
    return float(lag + (0.5 * (before - after) / bend if bend else 0.0))


def read_recordings(paths: Sequence[Path]) -> Samples:
    """A profile's recordings, one after another, at the rate of recordings. Blocks: call it in a thread.

    Raises:
        EngineError: there is none, or one can't be read.
    """
    parts: list[Samples] = []
    for path in paths:
        try:
            parts.append(read_sound(path, RATE))
        except OSError as error:
            raise EngineError(f"the recording {path.name} can't be read") from error
    if not any(map(len, parts)):
        raise EngineError("there is no recording of that voice")
    return np.concatenate(parts)
