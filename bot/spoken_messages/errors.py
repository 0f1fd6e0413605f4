"""Why a voice message was not heard, in words a Discord user can read."""

from __future__ import annotations


class SpokenMessageError(Exception):
    """There is something to hear, and no words of it; the text says why, for the person who sent it.

    ``heard`` are the words of what else there was to hear, and could be.
    """

    def __init__(self, text: str, heard: str = "") -> None:
        super().__init__(text)
        self.heard = heard
