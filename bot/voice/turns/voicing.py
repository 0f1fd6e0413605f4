"""Cuts a person's sound into windows and says of each whether there is voice in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bot.voice.heard import Sound16
from bot.voice.turns.settings import TurnSettings
from bot.voice.turns.silero import WINDOW_SAMPLES, SpeechProbability

_FOLLOW = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A window of sound, and whether it is voiced. The last of a transmission is shorter than the others."""

    sound: Sound16
    voiced: bool


class Voicing:
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
            window = samples[at : at + WINDOW_SAMPLES]
            yield Window(window, self._is_voiced(window))

    def flush(self) -> Iterator[Window]:
        """What is left over at the end of a transmission."""
        rest, self._rest = self._rest, np.zeros(0, np.float32)
        if len(rest):
            yield Window(rest, self._is_voiced(np.pad(rest, (0, WINDOW_SAMPLES - len(rest)))))

    def _is_voiced(self, window: Sound16) -> bool:
        settings = self._settings
        probability = self._probability(window)
        level = float(np.sqrt(np.mean(np.square(window))))
        if probability >= settings.sure_probability:
            self._speech_level += _FOLLOW * (level - self._speech_level)
            return True
        return probability >= settings.voiced_probability and level >= settings.quiet_share * self._speech_level
