"""Speech faster or slower at the pitch it has, as it streams."""

from __future__ import annotations

import numpy as np

from audio.samples import Samples
from tts_server.dsp.filters import TEMPO_RATE, FilterChain, tempo_filters

SLOWEST, FASTEST = 0.25, 4.0


class TempoChanger:
    """Mono float32 at ``rate`` Hz, ``tempo`` times as fast (0.25 to 4). It computes: call it in a thread.

    What comes out is as long as what went in, divided by the tempo, to the sample. At 1 sound passes untouched.
    """

    def __init__(self, tempo: float, rate: int) -> None:
        if not SLOWEST <= tempo <= FASTEST:
            raise ValueError(f"the tempo is {SLOWEST:g} to {FASTEST:g} times as fast, not {tempo:g}")
        filters = [("aresample", str(TEMPO_RATE)), *tempo_filters(tempo), ("aresample", str(rate))]
        self._chain = None if tempo == 1 else FilterChain(rate, filters, tempo)

    def push(self, samples: Samples) -> Samples:
        """Take more sound; returns what is ready, which may be nothing."""
        return self._chain.push(samples) if self._chain else samples

    def finish(self) -> Samples:
        """Nothing more comes; returns the rest."""
        return self._chain.finish() if self._chain else np.zeros(0, np.float32)
