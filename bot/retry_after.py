"""Reads how long a server's response asks to wait before the next request."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_WAIT = 86_400.0
"""A longer wait in a header is shortened to this many seconds."""
_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(rf"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?", re.ASCII)
"""A duration such as "1m30s" or "250ms"."""


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds for which a response's headers ask to wait; ``None`` if they ask for no valid time.

    The header Retry-After has seconds or a date (RFC 9110), or a duration such as "1m30s". Retry-After-Ms has
    milliseconds.
    """
    if (milliseconds := _seconds(headers.get("Retry-After-Ms", ""))) is not None:
        return min(MAX_WAIT, milliseconds / 1000)
    written = headers.get("Retry-After", "").strip()
    for read in (_seconds, _duration):
        if (wait := read(written)) is not None:
            return min(MAX_WAIT, wait)
    return _until(written, now)


def _seconds(written: str) -> float | None:
    try:
        value = float(written)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _duration(written: str) -> float | None:
    match = _DURATION.fullmatch(written)
    if not match or not written:
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds + milliseconds / 1000


def _until(written: str, now: datetime) -> float | None:
    """The seconds until a date; 0 if it is past, ``None`` if it is no date."""
    try:
        date = parsedate_to_datetime(written)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return min(MAX_WAIT, max(0.0, (date - now).total_seconds()))
