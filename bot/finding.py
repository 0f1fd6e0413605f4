"""What one look of the doctor's has found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One look: ``good`` is ``None`` where there was nothing to look at."""

    subject: str
    good: bool | None
    text: str
