"""The rules by which a small mind's answers are judged."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from benchmarks.small_mind_talks import ADA, BEN, Talk
from tts_server.text.guess import LanguageGuesser

MOST_WORDS = 40
PHRASE, TIMES = 4, 3
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")

_ENDS = re.compile(r"[.!?…][\"'”’»)]*$")
_FOR_OTHERS = re.compile(rf"^\W*(?:{ADA}|{BEN}|User|Human)\W*:", re.MULTILINE | re.IGNORECASE)


class Judge:
    """Judges answers; any number of them."""

    def __init__(self) -> None:
        self._guesser = LanguageGuesser(LANGUAGES)

    def faults(self, answer: str, talk: Talk) -> list[str]:
        """What is wrong with the last answer of a talk, in a word or two each; empty where nothing is."""
        return [
            *(["goes in circles"] if loops(answer) else []),
            *(["a line for others"] if _FOR_OTHERS.search(answer) else []),
            *_length(answer),
            *([] if _ENDS.search(answer.strip()) else ["has no end"]),
            *([] if self._guesser.guess(answer, talk.language) == talk.language else ["other language"]),
            *([] if talk.planted is None or takes_up(answer, talk.planted) else ["forgot"]),
        ]


def loops(answer: str) -> bool:
    """Whether any four words in a row come three times."""
    words = re.findall(r"[\w']+", answer.casefold())
    phrases = Counter(tuple(words[at : at + PHRASE]) for at in range(len(words) - PHRASE + 1))
    return max(phrases.values(), default=0) >= TIMES


def takes_up(answer: str, planted: str) -> bool:
    """Whether the word is in the answer."""
    return re.search(rf"\b{re.escape(planted)}", answer, re.IGNORECASE) is not None


def _length(answer: str) -> Sequence[str]:
    words = len(answer.split())
    return [] if 1 <= words <= MOST_WORDS else [f"{words} words"]
