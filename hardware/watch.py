"""Tells people once when a card is nearly full."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hardware.memory import GIB, CardMemory

REARMED_BELOW = 0.95
"""Of the limit: only when a card has fallen so far below it, the next crossing is told again."""
_UNITS = {"gb": 10**9, "gib": GIB, "mb": 10**6, "mib": 1024**2}
_SIZE = re.compile(r"(\d{1,7}(?:\.\d{1,6})?)\s*(gib|gb|mib|mb)", re.IGNORECASE)
_SHARE = re.compile(r"(?:0?\.\d{1,6}|1(?:\.0{1,6})?)")


@dataclass(frozen=True, slots=True)
class Threshold:
    """How full a card may be: a share of it (up to 1), or so many bytes."""

    share: float | None
    size: int | None

    @classmethod
    def parse(cls, text: str) -> Threshold:
        """Read "0.9", "10GB" or "10GiB"; raises :class:`ValueError` with words for people."""
        text = text.strip()
        if _SHARE.fullmatch(text) and float(text) > 0:
            return cls(float(text), None)
        if (match := _SIZE.fullmatch(text)) and float(match[1]) > 0:
            return cls(None, int(float(match[1]) * _UNITS[match[2].lower()]))
        raise ValueError(f"{text[:40]!r} is neither a share such as 0.9 nor a size such as 10GB or 10GiB")

    def limit(self, total_bytes: int) -> int:
        """The limit of a card with so much memory, in bytes."""
        return self.size if self.size is not None else int(total_bytes * (self.share or 1.0))


class VramWatch:
    """Warnings of full cards. ``thresholds`` go by card, in order; the last one holds for all cards after it too.

    Raises:
        ValueError: there is no threshold, or one of them can't be read.
    """

    def __init__(self, thresholds: Sequence[str]) -> None:
        self._thresholds = tuple(map(Threshold.parse, thresholds))
        if not self._thresholds:
            raise ValueError("there is no threshold; for example 0.9")
        self._told: set[int] = set()

    def look(self, cards: Sequence[CardMemory]) -> tuple[str, ...]:
        """What is to be told now: a line for each card that has crossed its limit since it last was well below it."""
        warnings = []
        for number, card in enumerate(cards):
            limit = self._thresholds[min(number, len(self._thresholds) - 1)].limit(card.total_bytes)
            if card.used_bytes < limit * REARMED_BELOW:
                self._told.discard(number)
            elif card.used_bytes >= limit and number not in self._told:
                self._told.add(number)
                warnings.append(_warning(card, limit))
        return tuple(warnings)


def _warning(card: CardMemory, limit: int) -> str:
    used, total, warned = (amount / GIB for amount in (card.used_bytes, card.total_bytes, limit))
    return (
        f"⚠️ The graphics card {card.name} is nearly full: {used:.1f} of {total:.1f} GiB are in use "
        f"(the warning level is {warned:.1f}). When it is full, a simpler voice speaks until there is room again."
    )
