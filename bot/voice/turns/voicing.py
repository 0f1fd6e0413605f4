"""Cuts a person's sound into windows and says of each whether there is voice in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from audio.level import rms
from audio.samples import HEARING_RATE, Sound16
from bot.voice.turns.settings import TurnSettings
from bot.voice.turns.silero import WINDOW_SAMPLES, SpeechProbability

_FOLLOW = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A window of sound, the last of a transmission shorter than the others.

    ``still`` is true where there is no voice, and next to nothing else either.
    """

    sound: Sound16
    voiced: bool
    still: bool

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.sound) / HEARING_RATE


class VoiceActivityDetector:
    """Silero's answer, helped by the level: where a word ends Silero hesitates for a window, while the level falls."""

    def __init__(self, probability: SpeechProbability, settings: TurnSettings) -> None:
        self._probability = probability
        self._settings = settings
        self._rest = np.zeros(0, np.float32)
        self._speech_level = 0.0

    def windows(self, sound: Sound16) -> Iterator[Window]:
        """The windows that are full now."""
        samples = np.concatenate((self._rest, sound))
        whole = len(samples) - len(samples) % WINDOW_SAMPLES
        self._rest = samples[whole:]
        for at in range(0, whole, WINDOW_SAMPLES):
            yield self._judge(samples[at : at + WINDOW_SAMPLES])

    def flush(self) -> Iterator[Window]:
        """What is left over at the end of a transmission."""
        rest, self._rest = self._rest, np.zeros(0, np.float32)
        if len(rest):
            yield self._judge(rest)

    def _judge(self, sound: Sound16) -> Window:
        settings = self._settings
        missing = WINDOW_SAMPLES - len(sound)
        probability = self._probability(np.pad(sound, (0, missing)) if missing else sound)
        level = rms(sound)
        quiet = level < settings.quiet_share * self._speech_level
        if probability >= settings.sure_probability:
            self._speech_level += _FOLLOW * (level - self._speech_level)
            return Window(sound, voiced=True, still=False)
        voiced = probability >= settings.voiced_probability and not quiet
        return Window(sound, voiced, still=quiet and not voiced)
