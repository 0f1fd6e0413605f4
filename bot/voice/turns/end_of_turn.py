"""The end-of-turn estimate: the probability that a paused turn is over, found by rules on the last words."""

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
_MAX_PHRASE = 4
"""Maximum number of words of a phrase in the word lists."""
_CONTINUATION_MARKS = (",", "-", "–", "—", "…", "...", "、", "，", ":", ";")
"""Marks at the end of a text that show that the sentence goes on."""
_MAX_ANSWER = 7
"""Maximum number of words of a phrase that is no sentence of its own, like "after the concert"."""
_QUESTION_MARKS = ("?", "？")
_PUNCTUATION = ".!?。！？…,;:、，-–— \"'”’»)」"

FINISHED, HALF, SELDOM, UNFINISHED = 1.0, 0.5, 0.25, 0.0
"""Probabilities that a turn is over: after a finished sentence, after half a sentence, after words with which sentences
seldom end, and after words with which they never end.
"""


class EndOfTurn(Protocol):
    """Estimates whether a paused turn is over. Use it on the event loop; one instance serves all calls."""

    async def probability(self, sound: Sound16, text: str, history: Sequence[Turn]) -> float:
        """The probability that the speaker has finished, 0 to 1.

        The caller cancels this call if the speaker goes on. While there is no estimate, a turn ends only after
        :attr:`~bot.voice.turns.settings.TurnSettings.unknown_wait` seconds of silence.

        Args:
            sound: the turn up to the pause, or the rest of a long turn after its last part: mono, 16,000 Hz.
            text: all words of the turn, in any language; never empty.
            history: what was said and answered before the turn, the oldest first; empty if that is minutes ago.
        """
        ...


class EndingsError(BrokenFileError):
    """The word lists can't be used. The text names the file and the fault."""


@dataclass(frozen=True, slots=True)
class Endings:
    """Word lists about the ends of sentences, in lower case and without punctuation, of all languages together.

    Attributes:
        never: last words with which a sentence never ends.
        seldom: last words with which a sentence seldom ends, except for questions.
        never_written: characters with which a sentence never ends, in scripts without spaces.
        seldom_written: characters with which a sentence seldom ends, in scripts without spaces.
        ends: last words that end a sentence although they end with one of the words above ("about that").
        openers: first words of a clause that needs another clause ("if it rains").
        answers: first words (one or two) of a phrase that is half a sentence, unless it answers a question ("after the
            concert").
        subjects: words such as "I" and "is". After a phrase of ``answers``, they show that the main clause has begun.
        complete: whole sentences that are complete although they end with one of the words above.
    """

    never: frozenset[str]
    seldom: frozenset[str]
    never_written: tuple[str, ...]
    seldom_written: tuple[str, ...]
    ends: frozenset[str]
    openers: frozenset[str]
    answers: frozenset[str]
    subjects: frozenset[str]
    complete: frozenset[str]


class RuleBasedEndOfTurn:
    """An :class:`EndOfTurn` by rules on the last words: a sentence does not end with "and" or an article, for example.

    Whisper writes a full stop after nearly everything, so full stops are ignored. Its question marks, commas and
    ellipses are more reliable, so they are used. From the history, the rules use only one thing: whether a question
    came last. They don't use the sound, so they answer at once.

    Args:
        endings: the word lists; those of the project if none are given.
    """

    def __init__(self, endings: Endings | None = None) -> None:
        self._endings = endings or read_endings()

    async def probability(self, sound: Sound16, text: str, history: Sequence[Turn]) -> float:
        """Estimate by ``text`` and by what was said last; see :meth:`EndOfTurn.probability`."""
        # A phrase after a question answers it, or belongs to it: the question may be the speaker's own, if they paused
        # after it for so long that their turn was over.
        asked = bool(history) and history[-1].text.rstrip().endswith(_QUESTION_MARKS)
        return self.estimate(text, asked=asked)

    def estimate(self, text: str, *, asked: bool = False) -> float:
        """The probability, from 0 to 1, that a turn with these words is over.

        Args:
            text: the words of the turn.
            asked: whether a question was said last before the turn.
        """
        endings = self._endings
        written = text.strip()
        words = unicodedata.normalize("NFKC", written).casefold().replace("’", "'").rstrip(_PUNCTUATION)
        last = [word.strip(_PUNCTUATION) for word in words.split()[-_MAX_PHRASE:]]
        phrases = {" ".join(last[at:]) for at in range(len(last))}
        if not words:
            return HALF
        if words in endings.complete:
            return FINISHED
        if written.endswith(_CONTINUATION_MARKS) or phrases & endings.never or words.endswith(endings.never_written):
            return UNFINISHED
        if written.endswith(_QUESTION_MARKS):
            return FINISHED
        if not phrases & endings.ends and (phrases & endings.seldom or words.endswith(endings.seldom_written)):
            return SELDOM
        return HALF if self._is_half(words, asked) else FINISHED

    def _is_half(self, words: str, asked: bool) -> bool:
        """True if the last sentence opens with a word like "if" or "after", and its main clause has not begun."""
        parts = re.split(r"([.!?])\s", words)
        sentence, mark_before = parts[-1], parts[-2] if len(parts) > 1 else ""
        if "," in sentence:
            return False
        said = sentence.split()
        first, first_two = " ".join(said[:1]), " ".join(said[:2])
        if first in self._endings.openers:
            return True
        phrase = not self._endings.answers.isdisjoint((first, first_two)) and len(said) <= _MAX_ANSWER
        # A phrase after a question belongs to it. Whisper parts them at a pause: "Why is the sky blue? During the day."
        answered = asked or mark_before in _QUESTION_MARKS
        return phrase and not answered and self._endings.subjects.isdisjoint(said[1:])


@cache
def read_endings(path: Path = ENDINGS_FILE) -> Endings:
    """Read the word lists, by default those that come with the project.

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
        ends=frozenset(every("ends")),
        openers=frozenset(every("openers")),
        answers=frozenset(every("answers")),
        subjects=frozenset(every("subjects")),
        complete=frozenset(every("complete")),
    )
