"""A voice higher or lower at the tempo it has, as it streams."""

from __future__ import annotations

import numpy as np

from audio.samples import Samples
from tts_server.dsp.filters import TEMPO_RATE, Filter, FilterChain, tempo_filters

LOWEST, HIGHEST = -12.0, 12.0


class PitchShifter:
    """Mono float32 at ``rate`` Hz, ``semitones`` (-12 to 12) higher. It computes: call it in a thread.

    What comes out is as long as what went in, to the sample; up to 60 ms of it are held back until more comes, or the
    end. At 0 semitones sound passes untouched.
    """

    def __init__(self, semitones: float, rate: int) -> None:
        if not LOWEST <= semitones <= HIGHEST:
            raise ValueError(f"pitch is shifted by {LOWEST:g} to {HIGHEST:g} semitones, not {semitones:g}")
        self._chain = FilterChain(rate, _filters(2 ** (semitones / 12), rate)) if semitones else None

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
