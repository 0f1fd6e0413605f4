"""How fast an engine talks and works: where it was when it broke off, and how much it can say in a given time."""

from __future__ import annotations

import math
import re
import sys

import numpy as np

from audio.samples import Samples

USUAL = 1 / 15
"""Seconds a character, before anything was heard."""
SHORTEST_PORTION = 24
"""In characters: less is not worth parting from the rest, for the sake of the melody."""
_WEIGHT = 0.2
_WORD_START = re.compile(r"(?<=\s)\S")
_CLAUSE_END = re.compile(r"[,;:.!?…、，。；：！？—]\s+")
_FRAME_SECONDS = 0.02
_SPEECH_BELOW_LOUDEST = 0.1
"""Frames 20 dB below the loudest are pauses."""
_ENOUGH_SECONDS = 0.2
_MEMORY_SECONDS = 20.0
_GAINS = (0.25, 4.0)


class Pace:
    """Running means over whole clauses. For the event loop alone."""

    def __init__(self) -> None:
        self._audio_a_character = USUAL
        self._work_a_character: float | None = None

    def record(self, text: str, audio: float, work: float) -> None:
        """A whole text became so many seconds of sound, in so many seconds of work."""
        if not text or audio <= 0:
            return
        if self._work_a_character is None:
            self._audio_a_character, self._work_a_character = audio / len(text), work / len(text)
        else:
            self._audio_a_character += _WEIGHT * (audio / len(text) - self._audio_a_character)
            self._work_a_character += _WEIGHT * (work / len(text) - self._work_a_character)

    @property
    def replies_at_once(self) -> int:
        """How many listeners it can keep in sound at once, one at least; all there may be, until that is known."""
        if self._work_a_character is None:
            return sys.maxsize
        return max(1, int(self._audio_a_character / max(self._work_a_character, 1e-9)))

    def remaining_text(self, text: str, seconds: float) -> str:
        """What is left to say of ``text`` after so long: from the start of the word that was due, or being said."""
        if seconds <= 0:
            return text
        position = round(seconds / self._audio_a_character)
        if position >= len(text):
            return ""
        starts = [0, *(match.start() for match in _WORD_START.finditer(text))]
        return text[max(start for start in starts if start <= position) :]

    def portion(self, text: str, seconds: float) -> str:
        """As much of ``text``, from its start, as takes at most so many seconds of work; ends with a clause or a word.

        All of it where that fits, where parting it is not worth while, or where it is not known how long it takes.
        """
        work = self._work_a_character
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
    """The level of what an engine says, pauses left out. Told by one thread, asked by any."""

    def __init__(self, rate: int) -> None:
        self._frame = round(rate * _FRAME_SECONDS)
        self._loudest = 0.0
        self._power = 0.0
        self._seconds = 0.0

    def add(self, samples: Samples) -> None:
        """Take the engine's next samples."""
        whole = len(samples) - len(samples) % self._frame
        if not whole:
            return
        powers = np.mean(samples[:whole].reshape(-1, self._frame) ** 2, axis=1)
        self._loudest = max(self._loudest, float(powers.max()))
        pool = powers[powers > self._loudest * _SPEECH_BELOW_LOUDEST**2]
        if len(pool):
            seconds = len(pool) * _FRAME_SECONDS
            kept = min(self._seconds, _MEMORY_SECONDS - min(seconds, _MEMORY_SECONDS))
            self._power = (self._power * kept + float(pool.mean()) * seconds) / (kept + seconds)
            self._seconds = kept + seconds

    @property
    def level(self) -> float | None:
        """Root mean square of speech, 1 being full scale; ``None`` until there was enough."""
        return math.sqrt(self._power) if self._seconds >= _ENOUGH_SECONDS and self._power > 0 else None

    def gain_to(self, other: Loudness) -> float:
        """The factor that makes this engine as loud as ``other``, within 12 dB; 1 where either is not yet known."""
        mine, wanted = self.level, other.level
        if mine is None or wanted is None:
            return 1.0
        return min(max(wanted / mine, _GAINS[0]), _GAINS[1])
