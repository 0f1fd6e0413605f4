"""The rules by which a small language model's answers are checked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from benchmarks.small_mind_talks import Talk
from languages.guess import LanguageGuesser

MAX_WORDS = 40
PHRASE, TIMES = 4, 3
GREETING_WORDS = 2
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt")

_ENDS = re.compile(r"[.!?…][\"'”’»)]*$")
_SENTENCE = re.compile(r"[^.!?…]+")
_NAME_AT_BEGINNING = re.compile(r"^\W*\w+,\s*")
_IS = re.compile(r"(?<=\w)['’]s\b")


class AnswerRules:
    """Checks answers; any number of them."""

    def __init__(self) -> None:
        self._guesser = LanguageGuesser(LANGUAGES)

    def faults(self, answer: str, talk: Talk) -> list[str]:
        """The faults of the last answer of a talk, a few words each. Empty if there are none."""
        return [
            *(["goes in circles"] if loops(answer) else []),
            *(["a line for others"] if has_line_of(answer, [name for name, _ in talk.lines]) else []),
            *(["repeats the person"] if repeats(answer, [text for _, text in talk.lines], talk.planted) else []),
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
    """Whether the answer has a line such as "Ada: Hello.", with the name of one of these people, "User" or "Human"."""
    names = "|".join(map(re.escape, (*people, "User", "Human")))
    return re.search(rf"^\W*(?:{names})\W*:", answer, re.MULTILINE | re.IGNORECASE) is not None


def repeats(answer: str, lines: Sequence[str], planted: str | None = None) -> bool:
    """Whether a sentence of the answer is one that a person said.

    A sentence of one or two words doesn't count, and neither does one with the planted word, which was asked for.
    """
    sentences = chain.from_iterable(map(_SENTENCE.findall, lines))
    said = set(chain.from_iterable(map(_with_and_without_name, sentences)))
    own = (_words(each) for each in _SENTENCE.findall(answer) if planted is None or not mentions(each, planted))
    return any(len(words) > GREETING_WORDS and words in said for words in own)


def mentions(answer: str, planted: str) -> bool:
    """Whether the word is in the answer."""
    return re.search(rf"\b{re.escape(planted)}", answer, re.IGNORECASE) is not None


def _length(answer: str) -> Sequence[str]:
    words = len(answer.split())
    return [] if 1 <= words <= MAX_WORDS else [f"{words} words"]


def _with_and_without_name(sentence: str) -> Iterator[tuple[str, ...]]:
    """The words of a sentence, and its words after a name at its beginning ("Seiyuu, what is that?")."""
    yield _words(sentence)
    yield _words(_NAME_AT_BEGINNING.sub("", sentence))


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", _IS.sub(" is", text.casefold())))
