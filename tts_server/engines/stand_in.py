"""An engine for tests and benchmarks: it speaks a tone, with a fixed delay and a fixed speed.

It can clone voices: the tone gets the pitch of the voice in the recordings.
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
from tts_server.voices.profile import VoiceProfile, VoiceProfileStore
from wire.parameters import SpeechParameters

SECONDS_PER_CHARACTER = 1 / 15
CHUNK_SECONDS = 0.1
TONE_HZ = 220.0
_VOICE = Voice("tone", "A tone", "en")

LOWEST_HZ, MAX_HZ = 60.0, 400.0
"""The pitch of a recording is searched between these two frequencies."""
FRAME_SECONDS = 0.05
VOICED_LEVEL = 0.3
"""Frames below this share of the loudest frame's level are ignored, because vowels are louder."""
PERIODIC = 0.5
"""A frame has a pitch if its autocorrelation at a lag of one period is at least this."""
OCTAVE = 0.9
"""The shortest period whose correlation reaches this share of the best correlation is taken. The period with the best
correlation may be a multiple of the true period.
"""

_Correlation = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StandInTiming:
    """The times of one segment, in seconds of ``time.monotonic()``, which all processes on Linux share."""

    text: str
    received_at: float
    first_audio_at: float


class StandInEngine(AlwaysLoaded):
    """Speaks ``n`` characters as a tone of ``n`` / 15 seconds.

    Attributes:
        timings: one record for each segment so far.

    Args:
        first_audio: delay before a segment's first sound, in seconds.
        real_time_factor: seconds that it takes to make one second of sound.
        timings: a file that each record is added to, as one line of JSON.
        profiles: the voices that people have made; without them the engine can't clone.
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
        profiles: VoiceProfileStore | None = None,
    ) -> None:
        self.timings: list[StandInTiming] = []
        self._first_audio = first_audio
        self._real_time_factor = real_time_factor
        self._file = timings.open("a", encoding="utf-8") if timings else None
        self._profiles = profiles
        # By voice id: the digest of the recordings, and their pitch in Hz. Any thread may write to this dictionary.
        self._pitches: dict[str, tuple[str, float]] = {}

    def voices(self) -> Sequence[Voice]:
        """Return the tone, and every voice that people have made."""
        made = self._profiles.all() if self._profiles else ()
        return (_VOICE, *(Voice(profile.id, profile.name, profile.language) for profile in made))

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """Return the voice of this name, or the tone. Every voice speaks every language."""
        return resolve_voice(self.voices(), _VOICE, voice, None)

    def learn(self, profile: VoiceProfile) -> float:
        """Measure the pitch of the recordings, and return how similar the tone is to them (-1 to 1)."""
        recorded = self._measure(profile)
        return recorded.likeness(Pitch.of(_tone(recorded.hz, RATE, RATE), RATE))

    def _measure(self, profile: VoiceProfile) -> Pitch:
        pitch = Pitch.of(read_recordings(profile.recordings), RATE)
        self._pitches[profile.id] = (profile.digest, pitch.hz)
        return pitch

    def forget(self, voice: str) -> None:
        """Delete the pitch of the voice with this id."""
        self._pitches.pop(voice, None)

    def _hertz(self, voice: Voice) -> float:
        if voice.id == _VOICE.id:
            return TONE_HZ
        profile = self._profiles.get(voice.id) if self._profiles else None
        if profile is None:
            raise EngineError(f"the voice {voice.name!r} is gone")
        known = self._pitches.get(profile.id)
        if known is None or known[0] != profile.digest:
            return self._measure(profile).hz
        return known[1]

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """Yield the tone in chunks of :data:`CHUNK_SECONDS`, at the set speed."""
        received_at = time.monotonic()
        samples = round(len(text) * SECONDS_PER_CHARACTER * self.sample_rate / (parameters.speed or 1.0))
        tone = _tone(self._hertz(voice), samples, self.sample_rate)
        chunk = round(CHUNK_SECONDS * self.sample_rate)
        due = received_at + self._first_audio
        for start in range(0, samples, chunk):
            if stop.wait(max(0.0, due - time.monotonic())):
                return
            first_audio_at = time.monotonic()
            try:
                yield tone[start : start + chunk]
            finally:
                # The record is written only after the sound is passed on, so that the writing delays no sound.
                if start == 0:
                    self._record(StandInTiming(text, received_at, first_audio_at))
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


@dataclass(frozen=True, slots=True, eq=False)
class Pitch:
    """The pitch of a voice, found by autocorrelation.

    Attributes:
        hz: the pitch in Hz.
        shape: (lags,): the mean autocorrelation, -1 to 1, by lag in samples.
    """

    hz: float
    shape: _Correlation

    @classmethod
    def of(cls, sound: Samples, rate: int) -> Self:
        """Measure the median pitch of the frames that have a pitch; ``rate`` is in Hz.

        Raises:
            EngineError: no frame has a pitch.
        """
        shapes = _correlations(sound, rate)
        shortest = round(rate / MAX_HZ)
        best = shapes[:, shortest:].max(axis=1, initial=-1.0)
        periodic = best >= PERIODIC
        if not periodic.any():
            raise EngineError("there is no voice with a pitch in the recording")
        # The first lag with almost the best correlation is on the slope of a peak; the peak itself follows it.
        lags = [
            _peak(shape, shortest, OCTAVE * top) for shape, top in zip(shapes[periodic], best[periodic], strict=True)
        ]
        return cls(float(rate / np.median(lags)), shapes[periodic].mean(axis=0))

    def likeness(self, other: Pitch) -> float:
        """Return the cosine similarity of the two shapes, -1 to 1; both must be from sound of the same sample rate."""
        norms = np.linalg.norm(self.shape) * np.linalg.norm(other.shape)
        return float(self.shape @ other.shape / norms) if norms else 0.0


def _correlations(sound: Samples, rate: int) -> _Correlation:
    """Return the autocorrelation of each loud frame, (frames, lags), for lags up to the longest period."""
    size, longest = round(FRAME_SECONDS * rate), round(rate / LOWEST_HZ)
    whole = len(sound) // size * size
    frames = sound[:whole].reshape(-1, size).astype(np.float64)
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = np.square(frames).sum(axis=1)
    frames = frames[(power > 0) & (power >= VOICED_LEVEL**2 * power.max(initial=0.0))]
    spectrum = np.fft.rfft(frames, 2 * size, axis=1)
    products = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, : longest + 1]
    # At longer lags fewer samples overlap. Without this correction, every peak would shift towards shorter lags.
    overlap = (size - np.arange(longest + 1)) / size
    shapes: _Correlation = products / overlap / np.maximum(products[:, :1], np.finfo(np.float64).tiny)
    return shapes


def _peak(shape: _Correlation, shortest: int, enough: float) -> float:
    """Return the lag of the first peak that reaches ``enough``, interpolated between samples."""
    lag = shortest + int(np.argmax(shape[shortest:] >= enough))
    while lag + 1 < len(shape) and shape[lag + 1] > shape[lag]:
        lag += 1
    if not 0 < lag < len(shape) - 1:
        return float(lag)
    before, at, after = shape[lag - 1 : lag + 2]
    bend = before - 2 * at + after
    return float(lag + (0.5 * (before - after) / bend if bend else 0.0))


def read_recordings(paths: Sequence[Path]) -> Samples:
    """Read recordings, joined, at ``RATE`` of :mod:`tts_server.voices.decoding`. It blocks: call it in a thread.

    Raises:
        EngineError: there is no recording, or one can't be read.
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
