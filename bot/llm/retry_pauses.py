"""How long to wait before a model server is asked again."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_PAUSE = 0.25
"""First pause between two attempts, in seconds, if the server names no time. The pause doubles each time."""
MAX_PAUSE = 2.0
"""Longest pause between two attempts, in seconds, if the server names no time."""

_DELAY_IN_BODY = re.compile(
    r"(?:\"retryDelay\"\s*:\s*\"|(?:try again|retry) in )(?:(?P<minutes>\d{1,4})m(?!s)\s?)?"
    r"(?P<amount>\d{1,9}(?:\.\d{1,9})?)\s?(?P<unit>ms|s)\b",
    re.IGNORECASE,
)
_MILLISECONDS = 1000


def retry_after(headers: Mapping[str, str], body: str, now: datetime) -> float | None:
    """Seconds to wait before the next attempt, as the server asks for it; ``None`` if it asks for no valid time.

    The header ``Retry-After`` has seconds or a date. Some servers send a header with milliseconds. Gemini and Groq
    write the time into the body. The result can be very large, so the caller needs a limit of its own.
    """
    milliseconds = _number(headers.get("Retry-After-Ms", ""))
    if milliseconds is not None:
        return milliseconds / _MILLISECONDS
    given = headers.get("Retry-After", "").strip()
    if given:
        seconds = _number(given)
        return seconds if seconds is not None else _until(given, now)
    if found := _DELAY_IN_BODY.search(body):
        amount = float(found["amount"])
        seconds = amount / _MILLISECONDS if found["unit"].lower() == "ms" else amount
        return 60 * int(found["minutes"] or 0) + seconds
    return None


def pause_before(attempt: int) -> float:
    """Seconds to wait before retry number ``attempt`` (the first retry is 1), if the server names no time."""
    return min(FIRST_PAUSE * 2.0 ** min(attempt - 1, 16), MAX_PAUSE)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
