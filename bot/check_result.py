"""Result of one check of the doctor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Result of one check. ``good`` is ``None`` if there was nothing to check, or a part is too slow for a call."""

    subject: str
    good: bool | None
    text: str

    @property
    def mark(self) -> str:
        """The symbol that is shown in front of the result."""
        return {True: "✔", False: "✘", None: "–"}[self.good]
