"""The rules by which a small mind's answers are checked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from benchmarks.small_mind_talks import Talk
from languages.guess import LanguageGuesser

MAX_WORDS = 40
PHRASE, TIMES = 4, 3
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")

_ENDS = re.compile(r"[.!?…][\"'”’»)]*$")


class AnswerRules:
    """Checks answers; any number of them."""

    def __init__(self) -> None:
        self._guesser = LanguageGuesser(LANGUAGES)

    def faults(self, answer: str, talk: Talk) -> list[str]:
        """The faults of the last answer of a talk, a few words each. Empty if there are none."""
        return [
            *(["goes in circles"] if loops(answer) else []),
            *(["a line for others"] if has_line_of(answer, [name for name, _ in talk.lines]) else []),
            *_length(answer),
            *([] if _ENDS.search(answer.strip()) else ["has no end"]),
            *([] if self._guesser.guess(answer, talk.language) == talk.language else ["other language"]),
            *([] if talk.planted is None or mentions(answer, talk.planted) else ["forgot"]),
        ]


def loops(answer: str) -> bool:
    """Whether any four words in a row occur three times."""
    words = re.findall(r"[\w']+", answer.casefold())
    phrases = Counter(tuple(words[at : at + PHRASE]) for at in range(len(words) - PHRASE + 1))
    return max(phrases.values(), default=0) >= TIMES


def has_line_of(answer: str, people: Sequence[str]) -> bool:
    """Whether the answer has a line in the name of one of these people, or of a user."""
    names = "|".join(map(re.escape, (*people, "User", "Human")))
    return re.search(rf"^\W*(?:{names})\W*:", answer, re.MULTILINE | re.IGNORECASE) is not None


def mentions(answer: str, planted: str) -> bool:
    """Whether the word is in the answer."""
    return re.search(rf"\b{re.escape(planted)}", answer, re.IGNORECASE) is not None


def _length(answer: str) -> Sequence[str]:
    words = len(answer.split())
    return [] if 1 <= words <= MAX_WORDS else [f"{words} words"]
