"""How long a local recogniser usually takes, learned from its own answers, and so when it is too long."""

from __future__ import annotations

from collections import deque

FLOOR, CEILING = 2.0, 30.0
"""Seconds that it may always take, and the most for a sound of one of Whisper's windows, which last 30 s."""
WINDOW = 30.0
UNKNOWN = 15.0
"""Seconds that the first answer may take."""
TIMES_THE_USUAL = 4.0
REMEMBERED = 20
_SECONDS_A_UNIT = 5.0
"""Whisper's encoder takes as long for any sound; its decoder takes longer the more is said."""


class AnswerTimes:
    """The newest answers of one recogniser."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=REMEMBERED)

    def took(self, seconds: float, sound_seconds: float) -> None:
        """An answer came after so long."""
        self._recent.append(seconds / _units(sound_seconds))

    def too_long(self, sound_seconds: float, attempt: int = 1) -> float:
        """Seconds after which it may hang; twice as many with each attempt at the same sound."""
        usual: float | None = max(self._recent, default=None)
        limit = UNKNOWN if usual is None else TIMES_THE_USUAL * usual * _units(sound_seconds)
        ceiling = CEILING * max(1.0, sound_seconds / WINDOW)
        return min(max(limit, FLOOR), ceiling) * float(2 ** (attempt - 1))


def _units(sound_seconds: float) -> float:
    return 1.0 + sound_seconds / _SECONDS_A_UNIT
