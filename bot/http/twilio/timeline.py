"""Finds out, by the times in Twilio's messages, how much of a caller's sound was lost on the way."""

from __future__ import annotations

from bot.http.twilio.messages import MediaFields

SAMPLES_A_MS = 8
MIN_LOST = 10 * SAMPLES_A_MS
"""Shortest loss, in samples: half a frame. Shorter gaps come of times that are rounded to milliseconds, and of phones
whose clocks have a speed of their own."""
MAX_LOST = 10_000 * SAMPLES_A_MS
"""Longest loss that is reported, in samples: 10 s. A longer one is reported as this."""


class Timeline:
    """Finds gaps in a caller's sound. A WebSocket keeps the pieces in order, but some may be missing or repeated."""

    def __init__(self) -> None:
        self._last_chunk: int | None = None
        self._next: int | None = None

    def place(self, media: MediaFields, samples: int) -> int | None:
        """Place the next piece.

        Args:
            samples: number of samples of the piece.

        Returns:
            The number of samples that were lost before it; ``None`` if the piece has come already.
        """
        if media.chunk is not None:
            if self._last_chunk is not None and media.chunk <= self._last_chunk:
                return None
            self._last_chunk = media.chunk
        if media.timestamp is None:
            return 0
        at, due = media.timestamp * SAMPLES_A_MS, self._next
        self._next = at + samples
        lost = 0 if due is None else at - due
        return min(lost, MAX_LOST) if lost >= MIN_LOST else 0
