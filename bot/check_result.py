"""Result of one check of ``python -m bot doctor``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Result of one check.

    Attributes:
        subject: the part that was checked.
        good: True if the part works; False if something must be fixed; ``None`` if there was nothing to check, or the
            part works with a restriction, such as toy weights or a speed that is too low for a call.
        text: the finding, for people.
    """

    subject: str
    good: bool | None
    text: str

    @property
    def mark(self) -> str:
        """The symbol that is shown in front of the result."""
        return {True: "✔", False: "✘", None: "–"}[self.good]
