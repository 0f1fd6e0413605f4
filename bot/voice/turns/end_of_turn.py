"""How likely a turn that has paused is over: the question, and an answer by rules on the last words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter

from audio.samples import Sound16
from bot.llm.history import Turn
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml

ENDINGS_FILE = Path(__file__).with_name("end_of_turn.yaml")
_LANGUAGES = TypeAdapter(dict[str, dict[str, list[str]]])
_LONGEST_PHRASE = 4
_GOES_ON = (",", "-", "–", "—", "…", "...", "、", "，", ":", ";")
_ASKED = ("?", "？")
_MARKS = ".!?。！？…,;:、，-–— \"'”’»)」"

FINISHED, HALF, SELDOM, UNFINISHED = 1.0, 0.5, 0.25, 0.0


class EndOfTurn(Protocol):
    """Judges whether a turn that has paused is over. Belongs to the event loop; one serves all calls at once."""

    async def probability(self, sound: Sound16, text: str, history: Sequence[Turn]) -> float:
        """How likely the speaker says nothing more, 0 to 1.

        Cancelled when they go on. Until there is an answer, :attr:`TurnSettings.unknown_wait` is waited.

        Args:
            sound: the turn up to the pause, or what is left of a long one after its last part; 16,000 Hz.
            text: all the words of the turn, never empty; the language is not known.
            history: what was said and answered before the turn, the oldest first.
        """
        ...


class EndingsError(BrokenFileError):
    """The file of endings can't be used; the text names it and the fault."""


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


class RuleBasedEndOfTurn:
    """Rules: a sentence does not end with "and", an article, a preposition or a filler.

    Whisper writes a full stop after everything, so a full stop says nothing and the words decide. With question
    marks, commas and dots it takes more care. It answers at once, and looks at the words alone.
    """

    def __init__(self, endings: Endings | None = None) -> None:
        self._endings = endings or read_endings()

    async def probability(self, sound: Sound16, text: str, history: Sequence[Turn]) -> float:
        """See :meth:`EndOfTurn.probability`."""
        return self.finished(text)

    def finished(self, text: str) -> float:
        """How likely nothing comes behind these words, 0 to 1."""
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
def read_endings(path: Path = ENDINGS_FILE) -> Endings:
    """The word lists that come with the project.

    Raises:
        EndingsError: ``path`` can't be read, or is malformed.
    """
    try:
        languages = _LANGUAGES.validate_python(read_yaml(path))
    except UNREADABLE as error:
        raise EndingsError(f"{path} can't be used: {reason(error)}") from error

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
