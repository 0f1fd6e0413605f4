"""Which words the bot has said aloud, and when."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

ECHO_WINDOW = 30.0
"""Seconds for which a segment that began to sound can come back as an echo of itself."""


class SpokenWords:
    """The segments of the reply that is being made, and those of any reply that have sounded a short while ago."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._segments: list[str] = []
        self._played: deque[tuple[float, str]] = deque()

    def begin(self) -> None:
        """Another reply is being made."""
        self._segments.clear()

    def add(self, segment: str) -> int:
        """The next segment of the reply; returns its number."""
        self._segments.append(segment)
        return len(self._segments) - 1

    def started_playing(self, number: int, at: float) -> str | None:
        """A segment has begun to sound, at a monotonic time; returns it, or ``None`` where there is none."""
        if number >= len(self._segments):
            return None
        self._played.append((at, self._segments[number]))
        return self._segments[number]

    def recent_text(self) -> str:
        """The segments that began to sound within the last :data:`ECHO_WINDOW` seconds."""
        horizon = self._clock() - ECHO_WINDOW
        while self._played and self._played[0][0] < horizon:
            self._played.popleft()
        return " ".join(text.strip() for _, text in self._played)
