"""The slots for replies: how many replies are spoken at the same time, and by which engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class OverloadedError(RuntimeError):
    """Too many replies are being spoken. The message may be shown to clients."""


class ReplySlots:
    """Limits the number of replies at the same time. Use it only on the event loop.

    Args:
        preferred: the largest number of replies by the preferred engine.
        fallback: the largest number of replies beyond ``preferred``. A reply beyond both limits is refused.
    """

    def __init__(self, preferred: int, fallback: int) -> None:
        self._preferred = preferred
        self._most = preferred + fallback
        self._taken: set[int] = set()

    @contextmanager
    def enter(self, capacity: int) -> Iterator[bool]:
        """Count one reply while the block runs. Yields whether the preferred engine may speak it.

        Args:
            capacity: number of replies that the preferred engine is fast enough for.

        Raises:
            OverloadedError: too many replies are being spoken.
        """
        slot = next((slot for slot in range(self._most) if slot not in self._taken), None)
        if slot is None:
            raise OverloadedError(f"{self._most} replies are being spoken already; try again in a moment")
        self._taken.add(slot)
        try:
            yield slot < min(self._preferred, capacity)
        finally:
            self._taken.discard(slot)
