"""Warns once when a GPU is nearly full."""

from __future__ import annotations

from collections.abc import Sequence

from config.card_limits import read_limits
from hardware.memory import GIB, CardMemory

REARMED_BELOW = 0.95
"""After a warning, the next one comes only after usage has fallen below this share of the limit."""


class VramWatch:
    """Warnings about nearly full GPUs.

    Args:
        limits: the memory use at which to warn, one text for each GPU, as :func:`read_limits` reads it. The last one
            applies to all further GPUs.

    Raises:
        ValueError: there is no limit, or one is not valid.
    """

    def __init__(self, limits: Sequence[str]) -> None:
        self._limits = read_limits(limits)
        self._warned: set[int] = set()

    def new_warnings(self, cards: Sequence[CardMemory]) -> tuple[str, ...]:
        """The new warnings: one for each GPU that has reached its limit and was not reported yet."""
        warnings = []
        for number, card in enumerate(cards):
            limit = self._limits[min(number, len(self._limits) - 1)].limit(card.total_bytes)
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
