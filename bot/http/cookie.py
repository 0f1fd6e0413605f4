"""The cookie that a browser gets for the token, so that the page never keeps the token itself."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable

NAME = "seiyuu"
LIFETIME = 30 * 24 * 3600
"""Seconds for which a cookie is valid."""
_PURPOSE = b"seiyuu cookie until "
_VALUE = re.compile(r"(\d{1,12})\.([0-9a-f]{64})", re.ASCII)


class CookieSeal:
    """Makes and checks cookies. A cookie contains the time of its end, and a signature with the token as the key.

    So cookies survive a restart, no list of them is kept, and a new token makes all of them invalid.

    Args:
        token: the server's token.
        now: returns seconds since 1970.
    """

    def __init__(self, token: str, now: Callable[[], float] = time.time) -> None:
        self._key = token.encode()
        self._now = now

    def make(self) -> str:
        """A new cookie's value."""
        until = str(int(self._now()) + LIFETIME)
        return f"{until}.{self._sign(until)}"

    def is_valid(self, value: str) -> bool:
        """Whether a cookie was made with this token, and is still valid."""
        parts = _VALUE.fullmatch(value)
        if parts is None:
            return False
        until, signature = parts.groups()
        return hmac.compare_digest(signature, self._sign(until)) and self._now() < int(until)

    def _sign(self, until: str) -> str:
        return hmac.new(self._key, _PURPOSE + until.encode(), hashlib.sha256).hexdigest()
