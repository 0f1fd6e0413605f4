"""What the segmenter knows of scripts: stops, clause marks, closers."""

from __future__ import annotations

import unicodedata

from languages.scripts import script

SENTENCE_ENDS = frozenset("!?" + "。！？｡" + "؟۔" + "।॥" + "։" + "።፧" + "។" + "။" + "།")
"""They end a sentence wherever they stand. The full stop is missing: it also stands in numbers, names and addresses."""

CLAUSE_ENDS = frozenset("," + "、，；：" + "،؛" + "፣፤" + "၊" + "—" + "…")
"""They end a clause wherever they stand."""

SPACED_CLAUSE_ENDS = frozenset(";:–-")
"""They end a clause only before a blank: elsewhere they are part of a word, a time, an address or code."""

CLOSERS = frozenset("\"'”’»›)]}」』）】》〉*_~")
"""They belong to what they follow: a sentence's closing quote, bracket or emphasis."""

ZERO_WIDTH_JOINER = "\u200d"
"""Makes one emoji of two."""

_JOINERS = frozenset("\u200d\ufe0e\ufe0f\u20e3")
# How many Latin letters take about as long to say as one character, by script.
_WEIGHTS = {"CJK": 3, "HIRAGANA": 2, "KATAKANA": 2, "HANGUL": 2}
_WITHOUT_MARKS = frozenset({"THAI", "LAO", "KHMER", "MYANMAR"})


def space_ends_clause(char: str) -> bool:
    """Whether a blank after this character ends a clause: so in Thai and its kin, which have no such marks."""
    return "\u0e00" <= char <= "\u17ff" and script(char) in _WITHOUT_MARKS


def weight(char: str) -> int:
    """About how long it takes to say, in Latin letters."""
    return _WEIGHTS.get(script(char), 1) if char > "\u0dff" else 1


def joins_previous(char: str) -> bool:
    """Whether it changes the character before it, so that the two can't be parted."""
    return char > "\u02ff" and (
        char in _JOINERS or unicodedata.combining(char) != 0 or unicodedata.category(char) in ("Mn", "Mc", "Me", "Sk")
    )
