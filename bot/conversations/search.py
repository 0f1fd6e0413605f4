"""The search for words in stored conversations: patterns for SQLite's GLOB, which reads thousands of turns in a few ms.

An index of the words (FTS5) would be faster still. It would also keep deleted words: its option ``secure-delete`` needs
SQLite 3.42, and the oldest system that the bot runs on has 3.40. LIKE knows upper and lower case of A to Z only.
"""

from __future__ import annotations

from collections.abc import Sequence


def patterns(words: Sequence[str]) -> list[str]:
    """For each word, the pattern of texts that contain it, in upper or lower case."""
    return [f"*{''.join(map(_either_case, word))}*" for word in words]


def _either_case(sign: str) -> str:
    if sign in "*?[":
        return f"[{sign}]"
    cases = sorted({each for each in (sign, sign.lower(), sign.upper()) if len(each) == 1})
    return sign if len(cases) == 1 else f"[{''.join(cases)}]"
