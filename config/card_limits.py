"""Warning levels of GPU memory in settings: a share such as 0.9, or a size such as 10GB."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_UNITS = {"gb": 10**9, "gib": 1024**3, "mb": 10**6, "mib": 1024**2}
_SIZE = re.compile(r"(\d{1,7}(?:\.\d{1,6})?)\s*(gib|gb|mib|mb)", re.IGNORECASE)
_SHARE = re.compile(r"(?:0?\.\d{1,6}|1(?:\.0{1,6})?)")


@dataclass(frozen=True, slots=True)
class CardLimit:
    """A warning level: a share of the memory (up to 1), or a number of bytes."""

    share: float | None
    size: int | None

    @classmethod
    def parse(cls, text: str) -> CardLimit:
        """Parse "0.9", "10GB" or "10GiB". Raises :class:`ValueError` with a message for people."""
        text = text.strip()
        if _SHARE.fullmatch(text) and float(text) > 0:
            return cls(float(text), None)
        if (match := _SIZE.fullmatch(text)) and float(match[1]) > 0:
            return cls(None, int(float(match[1]) * _UNITS[match[2].lower()]))
        raise ValueError(f"{text[:40]!r} is neither a share such as 0.9 nor a size such as 10GB or 10GiB")

    def limit(self, total_bytes: int) -> int:
        """The level in bytes for a GPU with ``total_bytes`` of memory."""
        return self.size if self.size is not None else int(total_bytes * (self.share or 1.0))


def read_limits(texts: Sequence[str]) -> tuple[CardLimit, ...]:
    """Parse the levels, one per GPU; the last one applies to all further GPUs.

    Raises:
        ValueError: there is no level, or one is not valid. The message is for people.
    """
    if not texts:
        raise ValueError("there is no warning level; for example 0.9")
    return tuple(map(CardLimit.parse, texts))
