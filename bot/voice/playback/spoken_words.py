"""The segments that the bot has spoken in the last seconds, to recognise their echo."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

ECHO_WINDOW = 30.0
"""Seconds after the start of a segment in which microphones may pick it up as echo."""


class SpokenWords:
    """The segments of the current reply, and those segments of other replies that began to play in the last 30 s.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._segments: list[str] = []
        self._played: deque[tuple[float, str]] = deque()

    def begin(self) -> None:
        """Begin a new reply, whose segments are numbered from 0."""
        self._segments.clear()

    def add(self, segment: str) -> int:
        """Add the next segment of the reply. Returns its number."""
        self._segments.append(segment)
        return len(self._segments) - 1

    def started_playing(self, number: int, at: float) -> str | None:
        """Note that a segment started to play at ``at``, in monotonic seconds.

        Returns the segment's text, or ``None`` if the reply has no segment of this number.
        """
        if number >= len(self._segments):
            return None
        self._played.append((at, self._segments[number]))
        return self._segments[number]

    def recent_text(self) -> str:
        """Text of the segments that started to play in the last :data:`ECHO_WINDOW` seconds."""
        horizon = self._clock() - ECHO_WINDOW
        while self._played and self._played[0][0] < horizon:
            self._played.popleft()
        return " ".join(text.strip() for _, text in self._played)
