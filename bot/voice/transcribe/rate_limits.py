"""When a transcription server may be asked again that has refused: turns that are over wait, others are given up."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

SHORTEST_CALM, LONGEST_CALM = 15.0, 120.0
"""Seconds without speculation after a refusal; twice as long each time."""
LONGEST_WAIT = 86_400.0
LONGEST_PAUSE = 25.0
"""Seconds that what was said can wait. Where more is asked for it is tried all the same: it would be lost otherwise."""
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")


class RateLimits:
    """What one server has asked for. Belongs to the event loop.

    Args:
        clock: monotonic seconds.
        today: the time of day, for servers that name a date.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, today: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._clock = clock
        self._today = today
        self._open_at = 0.0
        self._calm = 0.0
        self._calm_until = 0.0

    @property
    def wait(self) -> float:
        """Seconds until the server may be asked at all."""
        return max(0.0, self._open_at - self._clock())

    @property
    def may_speculate(self) -> bool:
        """Whether the server may be asked for what may turn out not to be needed."""
        return self._clock() >= self._calm_until

    def refused(self, wait: float) -> None:
        """The server wants to be left alone for so many seconds."""
        now = self._clock()
        if now >= self._calm_until:
            # Refused again soon after speculation began again: speculate less.
            soon = now < self._calm_until + self._calm
            self._calm = min(2 * self._calm, LONGEST_CALM) if soon else SHORTEST_CALM
        if wait <= LONGEST_PAUSE:
            self._open_at = max(self._open_at, now + wait)
        self._calm_until = now + min(wait, LONGEST_CALM) + self._calm

    def asked_to_wait(self, headers: Mapping[str, str]) -> float | None:
        """The seconds that an answer's headers ask to wait; ``None`` where they don't say."""
        if (milliseconds := _number(headers.get("Retry-After-Ms"))) is not None:
            return milliseconds / 1000
        written = headers.get("Retry-After", "").strip()
        if (seconds := _number(written)) is not None:
            return seconds
        if (match := _DURATION.fullmatch(written)) and written:
            hours, minutes, rest, thousandths = (float(part or 0) for part in match.groups())
            return min(LONGEST_WAIT, 3600 * hours + 60 * minutes + rest + thousandths / 1000)
        try:
            date = email.utils.parsedate_to_datetime(written)
        except ValueError:
            return None
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        return min(LONGEST_WAIT, max(0.0, (date - self._today()).total_seconds()))


def _number(written: str | None) -> float | None:
    try:
        value = float(written or "")
    except ValueError:
        return None
    return min(value, LONGEST_WAIT) if value >= 0 else None
