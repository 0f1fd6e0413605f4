"""Checks for characters that get into settings by copying: invisible ones, and curly quotes."""

from __future__ import annotations

import unicodedata

_CURLY = tuple("“”„‟«»‘’‚‹›＂＇")
_UNSEEN = frozenset(
    "\u00a0\u00ad\u2007\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u2060\ufeff\ufffd"
)
"""Special spaces, zero-width and direction marks, and the replacement character of a wrong encoding."""
_LINES = "\r\n\t"


def check_characters(text: str, *, line_breaks: bool = False) -> None:
    """Check that a value has no invisible characters and no curly quotes around it.

    Args:
        line_breaks: whether line breaks and tabs are allowed.

    Raises:
        ValueError: the value has one of these. The message names the character and completes "X is not valid. …".
    """
    if text.startswith(_CURLY) or text.endswith(_CURLY):
        raise ValueError("it is in curly quotes: write straight ones or none")
    for place, character in enumerate(text, 1):
        if line_breaks and character in _LINES:
            continue
        if character in "\r\n":
            raise ValueError("there is a line break in it (in double quotes, \\n is one too): write it in one line")
        if character in _UNSEEN or unicodedata.category(character) == "Cc":
            number = f"U+{ord(character):04X}"
            raise ValueError(f"its character {place} can't be seen ({number}): type the value in place of pasting it")


def check_secret(text: str) -> None:
    """Check that a token or key was copied correctly.

    Raises:
        ValueError: the secret was not copied correctly. The message does not contain the secret.
    """
    check_passphrase(text)
    if any(character.isspace() for character in text):
        raise ValueError("there is a blank or a line break in it: copy it again, in one piece")
    if not (text.isascii() and text.isprintable()):
        raise ValueError("it has characters that no key has: copy it again")


def check_passphrase(text: str) -> None:
    """Check that a secret does not begin with "Bot" or "Bearer". The program adds this word when it sends the secret.

    Raises:
        ValueError: the secret begins with one of these words.
    """
    if text.lower().startswith(("bot ", "bearer ")):
        raise ValueError(f"it begins with the word {text.split()[0]}: leave that out")
