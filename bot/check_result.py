"""The result of one check of the doctor's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """``good`` is ``None`` where there was nothing to check, or where a part works but is too slow for a call."""

    subject: str
    good: bool | None
    text: str

    @property
    def mark(self) -> str:
        """How it is shown to people."""
        return {True: "✔", False: "✘", None: "–"}[self.good]
