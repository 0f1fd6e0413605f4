"""Halves of characters: JSON can carry an emoji as two escapes, and a server may put them into two events.

A half that stays alone is no text: it can't be written to a file, a database or a socket.
"""

from __future__ import annotations

import re

_HALF = re.compile("[\ud800-\udfff]")
_OPEN_END = re.compile("[\ud800-\udbff]$")


def mended(text: str) -> str:
    """``text`` with halves that belong together joined, and U+FFFD in place of every other."""
    if not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def split_open_end(text: str) -> tuple[str, str]:
    """``text`` in two: what is whole, and the half of a character at its end, of which the rest is still to come."""
    return (text[:-1], text[-1:]) if _OPEN_END.search(text) else (text, "")
