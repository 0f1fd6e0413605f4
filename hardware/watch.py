"""Warns once when a GPU is nearly full."""

from __future__ import annotations

from collections.abc import Sequence

from config.card_limits import read_limits
from hardware.memory import GIB, CardMemory

REARMED_BELOW = 0.95
"""After a warning, usage must fall below this share of the limit before the next crossing of the limit is reported."""


class VramWatch:
    """Warnings about nearly full GPUs. ``thresholds`` are in the GPUs' order; the last one applies to all further GPUs.

    Raises:
        ValueError: there is no threshold, or one is not valid.
    """

    def __init__(self, thresholds: Sequence[str]) -> None:
        self._thresholds = read_limits(thresholds)
        self._warned: set[int] = set()

    def new_warnings(self, cards: Sequence[CardMemory]) -> tuple[str, ...]:
        """The new warnings: one for each GPU that is at its limit or above, and has no warning yet."""
        warnings = []
        for number, card in enumerate(cards):
            limit = self._thresholds[min(number, len(self._thresholds) - 1)].limit(card.total_bytes)
            if card.used_bytes < limit * REARMED_BELOW:
                self._warned.discard(number)
            elif card.used_bytes >= limit and number not in self._warned:
                self._warned.add(number)
                warnings.append(_warning(card, limit))
        return tuple(warnings)


def _warning(card: CardMemory, limit: int) -> str:
    used, total, warned = (amount / GIB for amount in (card.used_bytes, card.total_bytes, limit))
    return (
        f"⚠️ The graphics card {card.name} is nearly full: {used:.1f} of {total:.1f} GiB are in use "
        f"(the warning level is {warned:.1f}). When it is full, a simpler voice speaks until there is room again."
    )
