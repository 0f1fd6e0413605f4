"""Are these words all of a sentence, or will the speaker go on? A small interface, and rules on the last words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import yaml

_WORDS = Path(__file__).with_name("end_of_turn.yaml")
_LONGEST_PHRASE = 4
_GOES_ON = (",", "-", "–", "—", "…", "...", "、", "，", ":", ";")
_ASKED = ("?", "？")
_MARKS = ".!?。！？…,;:、，-–— \"'”’»)」"

FINISHED, HALF, SELDOM, UNFINISHED = 1.0, 0.5, 0.25, 0.0


class EndOfTurn(Protocol):
    """Judges the words of a turn that has paused. A semantic model fits behind it."""

    def finished(self, text: str) -> float:
        """How likely nothing more comes, 0 to 1. Must answer within a millisecond or so; the language is not known."""
        ...


@dataclass(frozen=True, slots=True)
class Endings:
    """How sentences don't end. All in lower case, without marks, of all languages together.

    Attributes:
        never: last words after which more must come.
        seldom: last words after which more comes more often than not, but in a question.
        never_written, seldom_written: the same for scripts without blanks: how the text itself ends.
        openers: first words of a clause that needs another one ("if it rains").
        complete: whole sentences that are complete although they end so.
    """

    never: frozenset[str]
    seldom: frozenset[str]
    never_written: tuple[str, ...]
    seldom_written: tuple[str, ...]
    openers: frozenset[str]
    complete: frozenset[str]


class LastWords:
    """Rules: a sentence does not end with "and", an article, a preposition or a filler.

    Whisper writes a full stop after everything, so a full stop says nothing and the words decide. With question
    marks, commas and dots it takes more care.
    """

    def __init__(self, endings: Endings | None = None) -> None:
        self._endings = endings or read_endings()

    def finished(self, text: str) -> float:
        """See :meth:`EndOfTurn.finished`."""
        endings = self._endings
        written = text.strip()
        words = unicodedata.normalize("NFKC", written).casefold().replace("’", "'").rstrip(_MARKS)
        last = [word.strip(_MARKS) for word in words.split()[-_LONGEST_PHRASE:]]
        phrases = {" ".join(last[at:]) for at in range(len(last))}
        if not words:
            return HALF
        if words in endings.complete:
            return FINISHED
        if written.endswith(_GOES_ON) or phrases & endings.never or words.endswith(endings.never_written):
            return UNFINISHED
        if written.endswith(_ASKED):
            return FINISHED
        if phrases & endings.seldom or words.endswith(endings.seldom_written):
            return SELDOM
        return HALF if self._is_half(words) else FINISHED

    def _is_half(self, words: str) -> bool:
        """The last sentence opens with "if" or the like, and no second clause has begun."""
        sentence = re.split(r"[.!?]\s", words)[-1]
        first, _, rest = sentence.partition(" ")
        return first in self._endings.openers and "," not in rest


@cache
def read_endings() -> Endings:
    """The word lists that come with the project."""
    languages: Mapping[str, Mapping[str, list[str]]] = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))

    def every(name: str) -> Iterator[str]:
        return (word for lists in languages.values() for word in lists.get(name, ()))

    return Endings(
        never=frozenset(every("never")),
        seldom=frozenset(every("seldom")),
        never_written=tuple(every("never_written")),
        seldom_written=tuple(every("seldom_written")),
        openers=frozenset(every("openers")),
        complete=frozenset(every("complete")),
    )
