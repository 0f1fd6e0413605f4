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
from typing import Self

import numpy as np
from numpy.typing import NDArray

from audio.decode import read_sound
from audio.samples import Samples
from tts_server.engines.base import AlwaysLoaded, EngineError, Voice
from tts_server.engines.voice_lookup import resolve_voice
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
