"""How many replies are spoken at once, and by which engine: some by the one that is wanted, more by a faster one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class OverloadedError(RuntimeError):
    """There are too many replies already; the text is fit to be shown to a client."""


class Admission:
    """Counts the replies under way. For the event loop alone.

    Args:
        wanted: how many the wanted engine may speak at once.
        more: how many beyond that the faster engines speak; beyond those, a reply is refused.
    """

    def __init__(self, wanted: int, more: int) -> None:
        self._wanted = wanted
        self._most = wanted + more
        self._slots: set[int] = set()

    @contextmanager
    def enter(self, capacity: int) -> Iterator[bool]:
        """Count a reply while the block runs; gives whether the wanted engine may speak it.

        Args:
            capacity: how many the wanted engine is quick enough for.

        Raises:
            OverloadedError: there are too many.
        """
        slot = next((slot for slot in range(self._most) if slot not in self._slots), None)
        if slot is None:
            raise OverloadedError(f"{self._most} replies are being spoken already; try again in a moment")
        self._slots.add(slot)
        try:
            yield slot < min(self._wanted, capacity)
        finally:
            self._slots.discard(slot)
