"""Segmenter: cuts a reply, while it is being written, into segments that are spoken one after another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from languages.scripts import is_unspaced_script
from languages.tags import primary_language
from tts_server.text.lexicon import dotted_abbreviations, shared_lexicon
from tts_server.text.open_markup import MarkupTracker, OpenMarkup
from tts_server.text.punctuation import (
    CLAUSE_ENDS,
    CLOSERS,
    SENTENCE_ENDS,
    SPACED_CLAUSE_ENDS,
    ZERO_WIDTH_JOINER,
    joins_previous,
    space_ends_clause,
    weight,
)

FIRST_LIMIT = 90
"""Longest first segment: it takes as long to say as this many Latin letters, about 6 s."""
LIMIT = 220
"""Longest later segment, in Latin letters: about 15 s. Engines speak this much in one piece."""
FORMULA_LIMIT = 600
"""Longest formula that stays whole, in Latin letters. LaTeX is much longer than its spoken words."""
CLAUSE_WEIGHT = 100
"""A later segment of at least this length, in Latin letters, may end with any clause."""

_UNSPACED_ENDS = SENTENCE_ENDS | CLAUSE_ENDS
_MIN_CLAUSE_WORDS = 2
_MIN_UNPUNCTUATED_WEIGHT = 12
"""Minimum length, in Latin letters, of a first segment that ends at a space without punctuation, as in Thai."""
_PLAIN_WORD_LENGTH = 24
"""Longest word, in characters, that counts as plain. A longer one may be an address or code."""


class BoundaryKind(Enum):
    """What a punctuation mark ends: a sentence or a clause."""

    SENTENCE_END = auto()
    CLAUSE_END = auto()


@dataclass(frozen=True, slots=True)
class _Boundary:
    """A possible cut after the last character.

    Attributes:
        kind: what the punctuation mark ends.
        needs_space: whether the cut is made only if a space follows.
        after_digit: whether the mark follows a digit, so that it may belong to a number.
    """

    kind: BoundaryKind
    needs_space: bool
    after_digit: bool = False


@dataclass(slots=True)
class _Length:
    """Length of a text in characters and in words, and its weight: how many Latin letters take as long to say.

    In scripts without spaces, every character counts as a word.
    """

    characters: int = 0
    weight: int = 0
    words: int = 0


class Segmenter:
    """Takes a text in pieces of any size, and returns each segment as soon as it is complete.

    The first segment decides how long people wait, so it ends with the first clause of at least two words, or with the
    first sentence. A later segment ends with its sentence. It may end with an earlier clause if it is then at least
    twice as long as all earlier segments together, or at least :data:`CLAUSE_WEIGHT` long.

    Joining the segments gives the text unchanged. The cuts do not depend on the size of the pieces. No cut is inside a
    number, an abbreviation, an address, code, a formula or a link.

    Args:
        language: a BCP 47 tag; it tells whether "3." is an ordinal number.
    """

    def __init__(self, language: str | None = None) -> None:
        self._dot_ordinals = language is not None and primary_language(language) in shared_lexicon().dot_ordinals
        self._abbreviations = dotted_abbreviations()
        self._markup = MarkupTracker()
        self._text: list[str] = []
        self._length = _Length()
        self._emitted_weight = 0
        self._word: list[str] = []
        self._word_counted = False
        self._words_on_line = 0
        self._boundary: _Boundary | None = None
        self._last_space: _Length | None = None
        self._segments: list[str] = []

    def feed(self, piece: str) -> list[str]:
        """Take the next piece of the text, and return the segments that it completes."""
        for char in piece:
            self._take(char)
        return self._collect()

    def flush(self) -> list[str]:
        """End the text, and return the rest as a segment, which may be only spaces. Call it last."""
        if self._text:
            self._cut()
        return self._collect()

    def _collect(self) -> list[str]:
        segments, self._segments = self._segments, []
        return segments

    def _take(self, char: str) -> None:
        self._cut_before(char)
        self._cut_at_limit(char)
        before = self._markup.open
        self._markup.feed(char)
        self._append(char)
        if before is not OpenMarkup.FENCE and self._markup.open is OpenMarkup.FENCE:
            self._cut_before_fence()
        elif before is OpenMarkup.FENCE and not self._markup.inside:
            self._boundary = _Boundary(BoundaryKind.SENTENCE_END, needs_space=True)
        elif not self._markup.inside:
            self._note_boundary(char)

    # Punctuation

    def _cut_before(self, char: str) -> None:
        """Cut before ``char`` if it confirms that the punctuation mark before it ends a sentence or a clause."""
        if self._markup.open is OpenMarkup.ADDRESS and char.isspace():
            # Only the space shows that the address has ended. Its last character may be punctuation of the sentence.
            self._boundary = self._boundary_at(self._text[-1])
        if self._markup.inside and self._markup.open is not OpenMarkup.ADDRESS:
            return
        if char == "\n":
            if self._length.words:
                self._cut()
            return
        if char.isspace() and self._boundary is None and self._text and space_ends_clause(self._text[-1]):
            if self._length.weight >= self._clause_weight(_MIN_UNPUNCTUATED_WEIGHT):
                self._cut()
            return
        if self._boundary is None or char in CLOSERS or self._is_mark(char):
            return
        # The character after the mark decides whether the mark ended anything.
        if self._confirms(self._boundary, char) and self._is_long_enough(self._boundary.kind):
            self._cut()
        else:
            self._boundary = None

    @staticmethod
    def _confirms(boundary: _Boundary, char: str) -> bool:
        if char.isspace():
            return True
        if boundary.after_digit:
            # "12345.Let": a number, and a new sentence without the space before it.
            return char.isalpha() and (char.isupper() or not boundary.needs_space)
        return not boundary.needs_space

    def _note_boundary(self, char: str) -> None:
        """End the first segment after ``char`` if what follows can't change its meaning; else note a boundary."""
        boundary = self._boundary_at(char)
        if boundary is None:
            return
        if self._emitted_weight == 0 and self._is_plain(char) and self._is_long_enough(boundary.kind):
            self._cut()
        else:
            self._boundary = boundary

    def _boundary_at(self, char: str) -> _Boundary | None:
        before = self._text[-2] if len(self._text) > 1 else " "
        if char == ".":
            return self._full_stop(before)
        if char in SENTENCE_ENDS:
            return _Boundary(BoundaryKind.SENTENCE_END, needs_space=char in "!?", after_digit=before.isdigit())
        if char in CLAUSE_ENDS:
            return _Boundary(BoundaryKind.CLAUSE_END, needs_space=False, after_digit=before.isdigit())
        if char in SPACED_CLAUSE_ENDS and (char != "-" or before.isspace()) and not self._word_is_shortcode():
            return _Boundary(BoundaryKind.CLAUSE_END, needs_space=True)
        return None

    def _full_stop(self, before: str) -> _Boundary | None:
        """The boundary after a full stop; ``None`` after the number of a list item, an ordinal or an abbreviation."""
        if before == ".":
            return _Boundary(BoundaryKind.CLAUSE_END, needs_space=True)
        word = "".join(self._word[:-1][:_PLAIN_WORD_LENGTH]).strip("\"'([{*_~“‘«")
        if word.isdigit():
            is_item = self._words_on_line == 1
            is_ordinal = self._dot_ordinals and len(word) <= 2
            return (
                None
                if is_item or is_ordinal
                else _Boundary(BoundaryKind.SENTENCE_END, needs_space=True, after_digit=True)
            )
        if word.lower() in self._abbreviations or (len(word) == 1 and word.isupper()):
            return None
        parts = word.split(".")
        if len(parts) > 1 and all(len(part) <= 2 and part.isalpha() for part in parts):
            return None
        return _Boundary(BoundaryKind.SENTENCE_END, needs_space=True, after_digit=before.isdigit())

    def _is_plain(self, mark: str) -> bool:
        """Tell whether ``mark`` follows a plain word, so that it is not part of a number, an address or code."""
        if mark not in _UNSPACED_ENDS or mark == "…" or len(self._word) > _PLAIN_WORD_LENGTH:
            return False
        return all(char.isalpha() or char in "'’-\"“‘«「『¿¡" or joins_previous(char) for char in self._word[:-1])

    def _word_is_shortcode(self) -> bool:
        return ":" in self._word[:-1]

    @staticmethod
    def _is_mark(char: str) -> bool:
        return char == "." or char in _UNSPACED_ENDS

    def _is_long_enough(self, kind: BoundaryKind) -> bool:
        if kind is BoundaryKind.SENTENCE_END:
            return self._length.words > 0
        return self._length.words >= _MIN_CLAUSE_WORDS and self._length.weight >= self._clause_weight(0)

    def _clause_weight(self, first: int) -> int:
        """Return the minimum length, in Latin letters, of a segment that ends with a clause.

        It is ``first`` for the first segment. A later segment may be longer and is still ready in time, because the
        model writes several times the length of a segment while that segment is spoken.
        """
        return min(CLAUSE_WEIGHT, 2 * self._emitted_weight) if self._emitted_weight else first

    # Sizes

    def _append(self, char: str) -> None:
        is_space = char.isspace()
        if is_space:
            if not self._markup.inside and self._length.words:
                self._last_space = _Length(self._length.characters, self._length.weight, self._length.words)
            self._word.clear()
            self._word_counted = False
            self._words_on_line = 0 if char == "\n" else self._words_on_line
        else:
            self._words_on_line += not self._word
            self._word.append(char)
            if is_unspaced_script(char) or (char.isalnum() and not self._word_counted):
                self._length.words += 1
                self._word_counted = True
        self._text.append(char)
        self._length.characters += 1
        self._length.weight += weight(char)

    def _cut_at_limit(self, char: str) -> None:
        """Cut if the segment has reached its limit.

        It is cut at its last space. Without a space, a text in a script without spaces is cut before ``char``. Other
        text is cut only at twice the limit, and a formula at :data:`FORMULA_LIMIT`. Unbreakable markup stays whole.
        """
        limit = LIMIT if self._emitted_weight else FIRST_LIMIT
        if self._length.weight < limit:
            return
        if self._last_space is not None:
            self._cut(self._last_space)
        elif self._markup.unbreakable or joins_previous(char) or self._text[-1] == ZERO_WIDTH_JOINER:
            return
        elif is_unspaced_script(self._text[-1]) and not self._markup.inside:
            self._cut()
        elif self._length.weight >= (FORMULA_LIMIT if self._markup.formula else 2 * limit):
            self._markup.abandon()
            self._cut()

    # Cuts

    def _cut_before_fence(self) -> None:
        if self._length.words:
            fence = 3
            self._cut(_Length(self._length.characters - fence, self._length.weight - fence, self._length.words))

    def _cut(self, at: _Length | None = None) -> None:
        """Cut at the length ``at``, or after the last character."""
        size = at or self._length
        self._segments.append("".join(self._text[: size.characters]))
        del self._text[: size.characters]
        # The weight must not stay 0 after a cut: 0 means that there was no segment yet.
        self._emitted_weight += max(1, size.weight)
        self._length = _Length(
            self._length.characters - size.characters,
            self._length.weight - size.weight,
            self._length.words - size.words,
        )
        self._last_space = None
        self._boundary = None
        if not self._text:
            self._word.clear()
            self._word_counted = False
