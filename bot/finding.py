"""What one look of the doctor's has found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One look: ``good`` is ``None`` where there was nothing to look at."""

    subject: str
    good: bool | None
    text: str

    @property
    def mark(self) -> str:
        """How it is shown to people."""
        return {True: "✔", False: "✘", None: "–"}[self.good]
