"""A one-time code, which shows that whoever writes settings on the page can read the bot's console too."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Letters and digits that can't be confused."""
LENGTH = 8
LIFETIME = 300.0
"""Seconds after which a code is no longer valid."""
MAX_TRIES = 5
"""Number of wrong codes after which the right one is no longer valid."""


class OneTimeCode:
    """Makes a code, and checks what people type. Only the newest code is valid. Use it on one thread.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._code: str | None = None
        self._made = 0.0
        self._wrong = 0

    def make(self) -> str:
        """Make a new code, as people read it. The one before is no longer valid."""
        self._code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        self._made, self._wrong = self._clock(), 0
        return f"{self._code[: LENGTH // 2]}-{self._code[LENGTH // 2 :]}"

    def is_right(self, given: str) -> bool:
        """Whether this is the code. This does not use up the code: :meth:`use_up` does. Compares in constant time."""
        if self._code is None or self._clock() - self._made > LIFETIME:
            self._code = None
            return False
        typed = "".join(each for each in given.upper() if each.isalnum())
        if hmac.compare_digest(typed.encode(errors="replace"), self._code.encode()):
            return True
        self._wrong += 1
        if self._wrong >= MAX_TRIES:
            self._code = None
        return False

    def use_up(self) -> None:
        """Make the code invalid."""
        self._code = None
