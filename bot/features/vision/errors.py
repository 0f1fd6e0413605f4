"""Why something that was shown can't be described, in words a Discord user can read."""

from __future__ import annotations


class VisionError(Exception):
    """There is something to look at, and no description of it; the text says why, for the person who sent it.

    ``seen`` describes what else there was to look at, and could be.
    """

    def __init__(self, text: str, seen: str | None = None) -> None:
        super().__init__(text)
        self.seen = seen
