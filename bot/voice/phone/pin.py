"""The PIN of the telephone: what a caller presses, and how many wrong ones are taken."""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Callable

ATTEMPTS = 3
"""Wrong PINs that end a phone call."""
HOUR = 3_600.0
MAX_WRONG = 9
"""Wrong PINs of one number in an hour, after which the number is refused."""
MAX_WRONG_OF_ALL = 30
"""Wrong PINs of all numbers in an hour, after which nobody is asked for a PIN: numbers can be forged."""
MAX_NUMBERS = 10_000
"""Largest number of callers whose wrong PINs are remembered."""
_CLEAR, _ENTER = "*", "#"


class PinKeys:
    """The keys of one attempt. An attempt is complete with as many digits as the PIN has, or with ``#``.

    Args:
        pin: the right PIN.
    """

    def __init__(self, pin: str) -> None:
        self._pin = pin
        self._pressed = ""

    def press(self, key: str) -> bool | None:
        """Take a key. Returns whether the PIN is right, once the attempt is complete; ``None`` before that."""
        if key == _CLEAR:
            self._pressed = ""
            return None
        if key != _ENTER:
            self._pressed += key
            if len(self._pressed) < len(self._pin):
                return None
        elif not self._pressed:
            return None
        pressed, self._pressed = self._pressed, ""
        return hmac.compare_digest(pressed.encode(), self._pin.encode())


class WrongPins:
    """Counts wrong PINs, by the person who gave them. Not thread-safe.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._of: dict[int, deque[float]] = {}
        self._of_all: deque[float] = deque()

    def note(self, person: int) -> None:
        """Count a wrong PIN."""
        now = self._clock()
        self._of_all.append(now)
        times = self._of.pop(person, deque())
        times.append(now)
        # The persons stand in the order of their last wrong PIN, so that the oldest one is forgotten first.
        self._of[person] = times
        while len(self._of) > MAX_NUMBERS:
            del self._of[next(iter(self._of))]

    def too_many(self, person: int) -> bool:
        """Whether this person gets no further attempt now."""
        return self._recent(self._of_all) >= MAX_WRONG_OF_ALL or self._recent(self._of.get(person)) >= MAX_WRONG

    def _recent(self, times: deque[float] | None) -> int:
        horizon = self._clock() - HOUR
        while times and times[0] <= horizon:
            times.popleft()
        return len(times or ())
