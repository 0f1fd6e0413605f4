"""Running measurements of an engine: pace (speed of speech and of synthesis) and loudness."""

from __future__ import annotations

import math
import re
import sys

import numpy as np

from audio.samples import Samples

DEFAULT_SECONDS_PER_CHARACTER = 1 / 15
"""Assumed seconds of speech per character before any measurement."""
SHORTEST_PORTION = 24
"""Shortest portion of a text, in characters. Shorter portions would spoil the intonation of the sentence."""
_WEIGHT = 0.2
_WORD_START = re.compile(r"(?<=\s)\S")
_CLAUSE_END = re.compile(r"[,;:.!?…、，。；：！？—]\s+")
_FRAME_SECONDS = 0.02
_SPEECH_BELOW_LOUDEST = 0.1
"""Frames with an amplitude below this share (-20 dB) of the loudest frame's count as pauses."""
_ENOUGH_SECONDS = 0.2
_MEMORY_SECONDS = 20.0
_GAINS = (0.25, 4.0)


class Pace:
    """Running means of seconds per character, over whole segments. Use it only on the event loop."""

    def __init__(self) -> None:
        self._audio_per_character = DEFAULT_SECONDS_PER_CHARACTER
        self._work_per_character: float | None = None
        self.best_real_time_factor: float | None = None
        """The lowest real-time factor of a text so far; ``None`` before any measurement."""

    def record(self, text: str, audio: float, work: float) -> None:
        """Add a whole text: seconds of sound, and seconds of synthesis time (``work``)."""
        if not text or audio <= 0:
            return
        best, now = self.best_real_time_factor, work / audio
        self.best_real_time_factor = now if best is None else min(now, best)
        if self._work_per_character is None:
            self._audio_per_character, self._work_per_character = audio / len(text), work / len(text)
        else:
            self._audio_per_character += _WEIGHT * (audio / len(text) - self._audio_per_character)
            self._work_per_character += _WEIGHT * (work / len(text) - self._work_per_character)

    @property
    def replies_at_once(self) -> int:
        """Number of listeners (1 or more) that the engine can serve without gaps. Unlimited before any measurement."""
        if self._work_per_character is None:
            return sys.maxsize
        return max(1, int(self._audio_per_character / max(self._work_per_character, 1e-9)))

    def remaining_text(self, text: str, seconds: float) -> str:
        """The part of ``text`` still unspoken after ``seconds`` of sound, from the start of the word being spoken."""
        if seconds <= 0:
            return text
        position = round(seconds / self._audio_per_character)
        if position >= len(text):
            return ""
        starts = [0, *(match.start() for match in _WORD_START.finditer(text))]
        return text[max(start for start in starts if start <= position) :]

    def portion(self, text: str, seconds: float) -> str:
        """The longest start of ``text`` that takes at most ``seconds`` to synthesize. It ends after a clause or a word.

        Returns all of ``text`` if that fits, if a portion would be too short, or if the speed is not known yet.
        """
        work = self._work_per_character
        if work is None or len(text) * work <= seconds or len(text) < 2 * SHORTEST_PORTION:
            return text
        most = min(max(SHORTEST_PORTION, int(seconds / work)), len(text) - SHORTEST_PORTION)
        for ends in (_CLAUSE_END.finditer(text), _WORD_START.finditer(text)):
            fitting = [match.end() if match[0][-1].isspace() else match.start() for match in ends]
            fitting = [end for end in fitting if SHORTEST_PORTION <= end <= most]
            if fitting:
                return text[: fitting[-1]]
        return text


class Loudness:
    """Loudness of an engine's speech without its pauses. One thread may call :meth:`add` while others read."""

    def __init__(self, rate: int) -> None:
        self._frame = round(rate * _FRAME_SECONDS)
        self._loudest = 0.0
        self._power = 0.0
        self._seconds = 0.0

    def add(self, samples: Samples) -> None:
        """Add the next samples of the engine: mono float32 at the engine's rate."""
        whole = len(samples) - len(samples) % self._frame
        if not whole:
            return
        powers = np.mean(samples[:whole].reshape(-1, self._frame) ** 2, axis=1)
        self._loudest = max(self._loudest, float(powers.max()))
        speech = powers[powers > self._loudest * _SPEECH_BELOW_LOUDEST**2]
        if len(speech):
            seconds = len(speech) * _FRAME_SECONDS
            kept = min(self._seconds, _MEMORY_SECONDS - min(seconds, _MEMORY_SECONDS))
            self._power = (self._power * kept + float(speech.mean()) * seconds) / (kept + seconds)
            self._seconds = kept + seconds

    @property
    def level(self) -> float | None:
        """Root mean square of the speech, 1 is full scale; ``None`` before there was enough speech."""
        return math.sqrt(self._power) if self._seconds >= _ENOUGH_SECONDS and self._power > 0 else None

    def gain_to(self, other: Loudness) -> float:
        """Gain that makes this engine as loud as ``other``, limited to 12 dB; 1 if either level is not known yet."""
        mine, wanted = self.level, other.level
        if mine is None or wanted is None:
            return 1.0
        return min(max(wanted / mine, _GAINS[0]), _GAINS[1])
