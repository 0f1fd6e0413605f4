"""A stand-in for a voice: a tone, with a first-audio time and a speed that are fixed. For benchmarks and tests.

It clones as honestly as a tone can: what it takes over of a recorded voice is the pitch.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from audio.samples import Samples
from tts_server.engines.base import AlwaysLoaded, EngineError, Voice
from tts_server.engines.pitch import Pitch, read_recordings
from tts_server.engines.voices import resolve_voice
from tts_server.voices.decoding import RATE
from tts_server.voices.profile import Profiles, VoiceProfile
from wire.parameters import SpeechParameters

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
    segment, and a file of that name gets them as lines of JSON. ``profiles`` are the voices that people made; without
    them it can't clone.
    """

    name = "stand-in"
    sample_rate = 24_000
    concurrency = 1
    shifts_pitch = False

    def __init__(
        self,
        first_audio: float,
        real_time_factor: float,
        timings: Path | None = None,
        profiles: Profiles | None = None,
    ) -> None:
        self.timings: list[StandInTiming] = []
        self._first_audio = first_audio
        self._real_time_factor = real_time_factor
        self._file = timings.open("a", encoding="utf-8") if timings else None
        self._profiles = profiles
        # By voice: what its recordings were when they were listened to, and how high it is. Written by any thread.
        self._learnt: dict[str, tuple[str, float]] = {}

    def voices(self) -> Sequence[Voice]:
        """The one tone, and every voice that people made."""
        made = self._profiles.all() if self._profiles else ()
        return (_VOICE, *(Voice(profile.id, profile.name, profile.language) for profile in made))

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """As :meth:`SpeechEngine.resolve`; it hums in every language."""
        return resolve_voice(self.voices(), _VOICE, voice, None)

    def learn(self, profile: VoiceProfile) -> float:
        """As :meth:`CloningEngine.learn`."""
        recorded = self._listen(profile)
        return recorded.likeness(Pitch.of(_tone(recorded.hz, RATE, RATE), RATE))

    def _listen(self, profile: VoiceProfile) -> Pitch:
        pitch = Pitch.of(read_recordings(profile.recordings), RATE)
        self._learnt[profile.id] = (profile.digest, pitch.hz)
        return pitch

    def forget(self, voice: str) -> None:
        """As :meth:`CloningEngine.forget`."""
        self._learnt.pop(voice, None)

    def _hertz(self, voice: Voice) -> float:
        if voice.id == _VOICE.id:
            return TONE_HZ
        profile = self._profiles.get(voice.id) if self._profiles else None
        if profile is None:
            raise EngineError(f"the voice {voice.name!r} is gone")
        known = self._learnt.get(profile.id)
        if known is None or known[0] != profile.digest:
            return self._listen(profile).hz
        return known[1]

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """As :meth:`SpeechEngine.synthesize`."""
        received_at = time.monotonic()
        samples = round(len(text) * SECONDS_PER_CHARACTER * self.sample_rate / (parameters.speed or 1.0))
        tone = _tone(self._hertz(voice), samples, self.sample_rate)
        chunk = round(CHUNK_SECONDS * self.sample_rate)
        due = received_at + self._first_audio
        for start in range(0, samples, chunk):
            if stop.wait(max(0.0, due - time.monotonic())):
                return
            if start == 0:
                self._record(StandInTiming(text, received_at, time.monotonic()))
            yield tone[start : start + chunk]
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


def _tone(hertz: float, samples: int, rate: int) -> Samples:
    tone: Samples = 0.2 * np.sin(2 * np.pi * hertz / rate * np.arange(samples))
    return tone.astype(np.float32)
