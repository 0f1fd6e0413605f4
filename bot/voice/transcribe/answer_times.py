"""The time limit of a recogniser's next answer, learned from the times of its newest answers."""

from __future__ import annotations

from collections import deque

MIN_TIME_LIMIT, MAX_TIME_LIMIT = 2.0, 30.0
"""Shortest and longest time limit of an answer, in seconds. Sounds longer than :data:`WINDOW` may take longer."""
WINDOW = 30.0
"""Seconds of sound that Whisper processes at a time."""
FIRST_TIME_LIMIT = 15.0
"""Time limit of an answer, in seconds, as long as no earlier answer was timed."""
USUAL_TIME_FACTOR = 4.0
"""The time limit is this factor times the longest remembered time, which is scaled to the duration of the sound."""
REMEMBERED = 20
"""Number of the newest answers whose times are remembered."""
_SECONDS_A_UNIT = 5.0
"""Seconds of sound that take as long to decode as one run of the encoder.

This is a rough model: the encoder counts as equally slow for all sounds. The decoder takes longer if more is said.
"""


class AnswerTimes:
    """The times of a recogniser's newest answers, and the time limit that follows from them."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=REMEMBERED)

    def record(self, seconds: float, sound_seconds: float) -> None:
        """Remember that the answer for ``sound_seconds`` seconds of sound took ``seconds`` seconds."""
        self._recent.append(seconds / _units(sound_seconds))

    def time_limit(self, sound_seconds: float, attempt: int = 1) -> float:
        """The time limit of an answer, in seconds. It doubles with each attempt for the same sound.

        Args:
            sound_seconds: duration of the sound.
            attempt: number of the attempt, from 1.
        """
        usual: float | None = max(self._recent, default=None)
        limit = FIRST_TIME_LIMIT if usual is None else USUAL_TIME_FACTOR * usual * _units(sound_seconds)
        ceiling = MAX_TIME_LIMIT * max(1.0, sound_seconds / WINDOW)
        return min(max(limit, MIN_TIME_LIMIT), ceiling) * float(2 ** (attempt - 1))


def _units(sound_seconds: float) -> float:
    """The work for a sound, in runs of Whisper's encoder."""
    return 1.0 + sound_seconds / _SECONDS_A_UNIT
