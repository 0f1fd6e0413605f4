"""How fast an engine talks, and from that, where in a text it was when it broke off."""

from __future__ import annotations

import re

USUAL = 1 / 15
"""Seconds a character, before anything was heard."""
_WEIGHT = 0.2
_WORD_START = re.compile(r"(?<=\s)\S")


class Pace:
    """Seconds a character, a running mean over whole clauses. Told by one thread, asked by any."""

    def __init__(self) -> None:
        self._seconds_a_character = USUAL
        self._told = False

    def spoken(self, text: str, seconds: float) -> None:
        """A whole text took so long to say."""
        if not text or seconds <= 0:
            return
        measured = seconds / len(text)
        self._seconds_a_character += (1.0 if not self._told else _WEIGHT) * (measured - self._seconds_a_character)
        self._told = True

    def unspoken(self, text: str, seconds: float) -> str:
        """What is left to say of ``text`` after so long: from the start of the word that was due, or being said."""
        if seconds <= 0:
            return text
        position = round(seconds / self._seconds_a_character)
        if position >= len(text):
            return ""
        starts = [0, *(match.start() for match in _WORD_START.finditer(text))]
        return text[max(start for start in starts if start <= position) :]
