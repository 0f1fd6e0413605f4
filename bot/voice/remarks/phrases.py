"""Words to compare: what somebody said, without what does not matter in it."""

from __future__ import annotations

import re
import unicodedata

FIRST_WITHOUT_GAPS = "\u2e80"
"""The scripts from here on are mostly East Asian and written without spaces; those before it have them."""
_MARKS = re.compile(r"[^\w\s'-]|_")


def plain_words(text: str) -> list[str]:
    """The words of a text in lower case, without marks; total on any text."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return [word for word in (part.strip("'-") for part in _MARKS.sub(" ", folded).split()) if word]


def plain(text: str) -> str:
    """The same as one string."""
    return " ".join(plain_words(text))
