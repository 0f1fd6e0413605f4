"""A stand-in for a voice: a tone, with a first-audio time and a speed that are fixed. For benchmarks and tests."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tts_server.engines.base import AlwaysLoaded, Samples, Voice
from tts_server.engines.voices import resolve_voice
from tts_server.wire import SpeechParameters

SECONDS_PER_CHARACTER = 1 / 15
CHUNK_SECONDS = 0.1
TONE_HZ = 220.0
_VOICE = Voice("tone", "A tone", "en")


@dataclass(frozen=True, slots=True)
class StandInTiming:
    """One segment. Times from ``time.monotonic()``, in seconds, which on Linux all processes share."""

    text: str
    received_at: float
    first_audio_at: float


class StandInEngine(AlwaysLoaded):
    """Speaks ``n`` characters as a tone of ``n`` / 15 seconds, after ``first_audio`` seconds.

    From then on a second of audio takes ``real_time_factor`` seconds to make. ``timings`` holds a record of each
    segment, and a file of that name gets them as lines of JSON.
    """

    name = "stand-in"
    sample_rate = 24_000
    concurrency = 1
    shifts_pitch = False

    def __init__(self, first_audio: float, real_time_factor: float, timings: Path | None = None) -> None:
        self.timings: list[StandInTiming] = []
        self._first_audio = first_audio
        self._real_time_factor = real_time_factor
        self._file = timings.open("a", encoding="utf-8") if timings else None

    def voices(self) -> Sequence[Voice]:
        """The one tone."""
        return (_VOICE,)

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """As :meth:`SpeechEngine.resolve`; it hums in every language."""
        return resolve_voice(self.voices(), _VOICE, voice, None)

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """As :meth:`SpeechEngine.synthesize`."""
        received_at = time.monotonic()
        samples = round(len(text) * SECONDS_PER_CHARACTER * self.sample_rate / (parameters.speed or 1.0))
        tone = 0.2 * np.sin(2 * np.pi * TONE_HZ / self.sample_rate * np.arange(samples, dtype=np.float32))
        chunk = round(CHUNK_SECONDS * self.sample_rate)
        due = received_at + self._first_audio
        for start in range(0, samples, chunk):
            if stop.wait(max(0.0, due - time.monotonic())):
                return
            if start == 0:
                self._record(StandInTiming(text, received_at, time.monotonic()))
            yield tone[start : start + chunk].astype(np.float32)
            due += CHUNK_SECONDS * self._real_time_factor

    def _record(self, timing: StandInTiming) -> None:
        self.timings.append(timing)
        if self._file:
            self._file.write(json.dumps(asdict(timing)) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file of timings."""
        if self._file:
            self._file.close()
