"""Counts how much of the bot's sound a caller has heard, by the marks that Twilio sends back."""

from __future__ import annotations

from collections import deque

MAX_MARKS = 1_500
"""Largest number of marks that are waited for: 30 s of frames. If there are more, the oldest count as returned."""


class MarkedSound:
    """The sound that was sent and not heard yet. Each piece of it is followed by a mark with a number.

    When sound is cleared, Twilio sends all of its marks back, although the sound was not heard. :meth:`clear` forgets
    their numbers, so that they change nothing. Use it on the event loop.

    Attributes:
        heard: number of samples that were heard since the beginning.
        dropped: number of samples that were cleared.
    """

    def __init__(self) -> None:
        self.heard = 0
        self.dropped = 0
        self._last = 0
        self._waiting: deque[tuple[int, int]] = deque()
        self._unheard = 0

    @property
    def unheard(self) -> int:
        """Number of samples that were sent, and neither heard nor cleared yet."""
        return self._unheard

    def sent(self, samples: int) -> int:
        """Note that sound is sent. Returns the number of the mark that has to follow it."""
        self._last += 1
        self._waiting.append((self._last, samples))
        self._unheard += samples
        if len(self._waiting) > MAX_MARKS:
            self._hear_oldest()
        return self._last

    def returned(self, name: str) -> None:
        """Note that a mark has come back. Marks of cleared sound, and names that were never sent, change nothing."""
        if not (name.isascii() and name.isdecimal()) or len(name) > len(str(self._last)):
            return
        number = int(name)
        # Marks come back in the order in which they were sent. All sound before this one was heard too.
        while self._waiting and self._waiting[0][0] <= number <= self._last:
            self._hear_oldest()

    def clear(self) -> None:
        """Note that all sound that was not heard yet is dropped."""
        self._waiting.clear()
        self.dropped += self._unheard
        self._unheard = 0

    def _hear_oldest(self) -> None:
        _, samples = self._waiting.popleft()
        self._unheard -= samples
        self.heard += samples
