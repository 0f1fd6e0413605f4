"""Plays the sound that a bot sends to a caller, and tells which of the marks in it come back to the bot.

A mark is a name that Twilio sends back to the bot when the sound before it was played or dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

SILENCE = b"\xff"
"""A sample of silence in the u-law."""


class Playout:
    """The bot's sound and marks that wait at Twilio to be played to a caller.

    Attributes:
        heard: all that the caller has heard, a byte for each sample; silence where nothing was to be played.
        spoken: number of samples that came from the bot and were heard.
        passed: names of the marks whose sound the caller has heard to its end, in order.
        cleared: names of the marks that came back because their sound was cleared.
        cleared_at: how much of the bot's sound was heard (as in ``spoken``) when each message to clear came.
    """

    def __init__(self) -> None:
        self.heard = bytearray()
        self.spoken = 0
        self.passed: list[str] = []
        self.cleared: list[str] = []
        self.cleared_at: list[int] = []
        self._waiting: deque[bytearray | str] = deque()

    @property
    def waiting(self) -> int:
        """Number of samples that wait."""
        return sum(len(item) for item in self._waiting if isinstance(item, bytearray))

    def sound(self, data: bytes) -> None:
        """Queue sound."""
        if data:
            self._waiting.append(bytearray(data))

    def mark(self, name: str) -> Sequence[str]:
        """Queue a mark. Returns the marks that come back at once, because no sound waits before them."""
        self._waiting.append(name)
        return self._pass_marks()

    def clear(self) -> Sequence[str]:
        """Drop all sound that waits. Returns all marks that wait, which come back at once."""
        names = [item for item in self._waiting if isinstance(item, str)]
        self._waiting.clear()
        self.cleared += names
        self.cleared_at.append(self.spoken)
        return names

    def play(self, samples: int) -> Sequence[str]:
        """Play this many samples. Returns the marks that come back."""
        passed = list(self._pass_marks())
        left = samples
        while left and self._waiting:
            piece = self._waiting[0]
            assert isinstance(piece, bytearray)  # noqa: S101  # The marks before it have been passed.
            played = piece[:left]
            del piece[:left]
            self.heard += played
            self.spoken += len(played)
            left -= len(played)
            if not piece:
                self._waiting.popleft()
            passed += self._pass_marks()
        self.heard += SILENCE * left
        return passed

    def _pass_marks(self) -> Sequence[str]:
        names = list[str]()
        while self._waiting and isinstance(name := self._waiting[0], str):
            self._waiting.popleft()
            names.append(name)
        self.passed += names
        return names
