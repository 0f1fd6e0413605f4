"""Amounts and lists as people read them."""

from __future__ import annotations

from collections.abc import Iterable


def size(amount: int) -> str:
    """Bytes in the decimal units of disks and downloads."""
    for unit, bytes_each in (("GB", 10**9), ("MB", 10**6)):
        if amount >= bytes_each:
            return f"{amount / bytes_each:.1f} {unit}"
    return f"{max(amount, 0) / 1000:.1f} kB"


def enumerated(words: Iterable[str]) -> str:
    """One or more words as a list: "ears, mind and voice"."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
