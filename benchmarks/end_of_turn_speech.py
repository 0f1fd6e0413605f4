"""Speech by espeak-ng whose ends and pauses are known to the sample: 48,000 Hz, cut to its voiced samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import soxr

from audio.level import at_level, rms_of_frames
from audio.samples import Samples
from sandbox.speech import GuestVoice
from sandbox.voice.opus import SAMPLE_RATE, Sound

VOICED_LEVEL = 0.008
"""Least RMS of 10 ms that count as voiced. The speech itself has an RMS of :data:`SPEECH_LEVEL`."""
SPEECH_LEVEL = 0.1
_STEP = SAMPLE_RATE // 100


@dataclass(frozen=True, slots=True)
class SpokenPart:
    """A part of a sentence: its words, its first voiced sample, and the sample after its last voiced one."""

    words: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class SpokenSentence:
    """A spoken sentence: 48,000 Hz mono."""

    sound: Sound
    parts: Sequence[SpokenPart]

    @property
    def end(self) -> int:
        """The sample after the last voiced one."""
        return self.parts[-1].end

    def words_until(self, sample: int) -> str:
        """The words up to a sample, as Whisper would write them: words that break off get a full stop.

        The words of a part count as equally long.
        """
        said: list[str] = []
        for part in self.parts:
            words = part.words.split()
            share = (sample - part.begin) / (part.end - part.begin)
            said += words[: max(0, min(len(words), round(share * len(words))))]
        if len(said) == sum(len(part.words.split()) for part in self.parts):
            return " ".join(said)
        return " ".join(said).rstrip(",.?!") + "."


class Espeak(Protocol):
    """espeak-ng, in this process (:func:`~audio.espeak.load_espeak`) or in another one
    (:class:`~sandbox.speech.RepeatableEspeak`). Only the latter says the same words with the same sound each time."""

    @property
    def sample_rate(self) -> int:
        """Samples per second of :meth:`say`."""
        ...

    def say(self, text: str, voice: str, rate: int, pitch: int) -> Samples:
        """Speak a text; returns mono sound."""
        ...


class SentenceSpeaker:
    """Speaks sentences in one voice."""

    def __init__(self, library: Espeak, voice: GuestVoice) -> None:
        self._library = library
        self._voice = voice

    def say(self, parts: Sequence[str], pauses: Sequence[float], release: float) -> SpokenSentence:
        """Speak the parts with these pauses between them, and ``release`` seconds of silence after the last."""
        pieces: list[Sound] = []
        spoken: list[SpokenPart] = []
        at = 0
        for words, quiet in zip(parts, (*pauses, release), strict=True):
            sound = self._voiced(words)
            spoken.append(SpokenPart(words, at, at + len(sound)))
            silence = np.zeros(round(quiet * SAMPLE_RATE), np.float32)
            pieces += [sound, silence]
            at += len(sound) + len(silence)
        return SpokenSentence(np.concatenate(pieces), spoken)

    def _voiced(self, words: str) -> Sound:
        samples = self._library.say(words, self._voice.name, self._voice.rate, self._voice.pitch)
        sound: Sound = soxr.resample(samples, self._library.sample_rate, SAMPLE_RATE).astype(np.float32)
        sound = at_level(sound, SPEECH_LEVEL)
        voiced = np.flatnonzero(rms_of_frames(sound, _STEP) >= VOICED_LEVEL)
        return sound[voiced[0] * _STEP : (voiced[-1] + 1) * _STEP]
