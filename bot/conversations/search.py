"""The search for words in stored conversations: conditions for SQLite, which reads thousands of turns in a few ms.

An index of the words (FTS5) would be faster still. It would also keep deleted words: its option ``secure-delete`` needs
SQLite 3.42, and the oldest system that the bot runs on has 3.40.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

EXCERPT = 160
"""Maximum number of characters of an excerpt."""
BEFORE_HIT = 50
"""Maximum number of characters of an excerpt before the word that was found."""


def conditions(words: Sequence[str], first: int) -> tuple[str, list[str]]:
    """The conditions for a text ``t.text`` that contains all words, in upper or lower case, and the values for them.

    Args:
        first: the number of the first value in the statement.
    """
    tests, values = [], list[str]()
    for word in words:
        # LIKE is many times faster than GLOB with sets of letters, but it ignores the case of A to Z only. So LIKE is
        # first, with a wildcard for each other letter, and GLOB looks only at the texts that are left.
        if any(map(str.isascii, word)):
            tests.append(f" AND t.text LIKE ?{first + len(values)} ESCAPE '^'")
            values.append(f"%{''.join(map(_like, word))}%")
        if not word.isascii():
            tests.append(f" AND t.text GLOB ?{first + len(values)}")
            values.append(f"*{''.join(map(_either_case, word))}*")
    return "".join(tests), values


def excerpt(text: str, words: Sequence[str]) -> str:
    """The part of a text around the first of these words that it has, cut between words."""
    found = re.search("|".join(map(re.escape, words)), text, re.IGNORECASE)
    hit = found.start() if found is not None else 0
    start = max(0, hit - BEFORE_HIT) if len(text) > EXCERPT else 0
    if start:
        # A text without spaces is cut within a word.
        space = text.find(" ", start, hit)
        start = space + 1 if space >= 0 else start
    end = start + EXCERPT
    if end < len(text):
        space = text.rfind(" ", hit + 1, end)
        end = space if space > hit else end
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def _like(sign: str) -> str:
    if not sign.isascii():
        return "_"
    return f"^{sign}" if sign in "%_^" else sign


def _either_case(sign: str) -> str:
    if sign in "*?[":
        return f"[{sign}]"
    cases = sorted({each for each in (sign, sign.lower(), sign.upper()) if len(each) == 1})
    return sign if len(cases) == 1 else f"[{''.join(cases)}]"
