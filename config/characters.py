"""Characters that come into a value by pasting and that nobody sees, or takes for others."""

from __future__ import annotations

import unicodedata

_CURLY = tuple("“”„‟«»‘’‚‹›＂＇")
_UNSEEN = frozenset(
    "\u00a0\u00ad\u2007\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u2060\ufeff\ufffd"
)
"""Blanks that are not one, marks of no width and of the direction of writing, and what a wrong encoding leaves."""
_LINES = "\r\n\t"


def check_characters(text: str, *, line_breaks: bool = False) -> None:
    """See that a value holds what its author sees.

    Args:
        line_breaks: these, and tabs, are meant.

    Raises:
        ValueError: it does not; the text says which character, completing "X is not valid. …".
    """
    if text.startswith(_CURLY) or text.endswith(_CURLY):
        raise ValueError("it is in curly quotes: write straight ones or none")
    for place, character in enumerate(text, 1):
        if line_breaks and character in _LINES:
            continue
        if character in "\r\n":
            raise ValueError("there is a line break in it: write it in one line; in double quotes, \\n is one too")
        if character in _UNSEEN or unicodedata.category(character) == "Cc":
            number = f"U+{ord(character):04X}"
            raise ValueError(f"its character {place} can't be seen ({number}): type the value in place of pasting it")


def check_secret(text: str) -> None:
    """See that a token or a key is in one piece.

    Raises:
        ValueError: it is not; the text does not show it.
    """
    check_passphrase(text)
    if any(character.isspace() for character in text):
        raise ValueError("there is a blank or a line break in it: copy it again, in one piece")
    if not (text.isascii() and text.isprintable()):
        raise ValueError("it has characters that no key has: copy it again")


def check_passphrase(text: str) -> None:
    """See that a secret does not begin with the word that is put before it when it is sent.

    Raises:
        ValueError: it does.
    """
    if text.lower().startswith(("bot ", "bearer ")):
        raise ValueError(f"it begins with the word {text.split()[0]}: leave that out")
