"""The PIN for phone calls: reads the keys of an attempt, and counts wrong PINs."""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Callable

ATTEMPTS = 3
"""Number of wrong PINs after which a phone call ends."""
HOUR = 3_600.0
MAX_WRONG = 9
"""Number of wrong PINs of one telephone number in an hour, after which the number is refused."""
MAX_WRONG_OF_ALL = 30
"""Number of wrong PINs of all callers in an hour, after which callers are refused who have not given the right PIN
since the bot started. A limit for each number is not enough, since telephone numbers can be forged."""
MAX_NUMBERS = 10_000
"""Largest number of callers whose wrong PINs are remembered, and of callers who are remembered for the right PIN."""
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
        self._right: dict[int, None] = {}

    def note_right(self, person: int) -> None:
        """The person has given the right PIN, so wrong PINs of other people no longer keep this person out."""
        self._right.pop(person, None)
        self._right[person] = None
        while len(self._right) > MAX_NUMBERS:
            del self._right[next(iter(self._right))]

    def is_known(self, person: int) -> bool:
        """Whether the person has given the right PIN."""
        return person in self._right

    def note(self, person: int) -> None:
        """Count a wrong PIN."""
        now = self._clock()
        self._of_all.append(now)
        times = self._of.pop(person, deque())
        times.append(now)
        # The people are in the order of their last wrong PINs. If there are too many, the first ones are forgotten.
        self._of[person] = times
        while len(self._of) > MAX_NUMBERS:
            del self._of[next(iter(self._of))]

    def too_many(self, person: int) -> bool:
        """Whether this person gets no further attempt now."""
        if self._recent(self._of.get(person)) >= MAX_WRONG:
            return True
        return not self.is_known(person) and self._recent(self._of_all) >= MAX_WRONG_OF_ALL

    def _recent(self, times: deque[float] | None) -> int:
        horizon = self._clock() - HOUR
        while times and times[0] <= horizon:
            times.popleft()
        return len(times or ())
