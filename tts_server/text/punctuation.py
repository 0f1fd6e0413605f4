"""Punctuation of all scripts, as the segmenter needs it: ends of sentences and clauses, and closing marks."""

from __future__ import annotations

import unicodedata

from languages.scripts import script

SENTENCE_ENDS = frozenset("!?" + "。！？｡" + "؟۔" + "।॥" + "։" + "።፧" + "។" + "။" + "།")
"""Punctuation that always ends a sentence. The full stop is not included: numbers and addresses contain it too."""

CLAUSE_ENDS = frozenset("," + "、，；：" + "،؛" + "፣፤" + "၊" + "—" + "…")
"""Punctuation that always ends a clause."""

SPACED_CLAUSE_ENDS = frozenset(";:–-")
"""Punctuation that ends a clause only before a space. Elsewhere it is part of a word, a time, an address or code."""

CLOSERS = frozenset("\"'”’»›)]}」』）】》〉*_~")
"""Closing quotes, brackets and emphasis. They belong to the sentence that they follow."""

ZERO_WIDTH_JOINER = "\u200d"
"""Joins two emoji into one."""

_JOINERS = frozenset("\u200d\ufe0e\ufe0f\u20e3")
# The number of Latin letters that take about as long to speak as one character of the script.
_WEIGHTS = {"CJK": 3, "HIRAGANA": 2, "KATAKANA": 2, "HANGUL": 2}
_WITHOUT_PUNCTUATION = frozenset({"THAI", "LAO", "KHMER", "MYANMAR"})


def space_ends_clause(char: str) -> bool:
    """Tell whether a space after this character ends a clause, as in Thai and other scripts without punctuation."""
    return "\u0e00" <= char <= "\u17ff" and script(char) in _WITHOUT_PUNCTUATION


def weight(char: str) -> int:
    """Return about how many Latin letters take as long to speak as this character."""
    return _WEIGHTS.get(script(char), 1) if char > "\u0dff" else 1


def joins_previous(char: str) -> bool:
    """Tell whether the character modifies the one before it, as an accent does, so that no cut may separate them."""
    return char > "\u02ff" and (
        char in _JOINERS or unicodedata.combining(char) != 0 or unicodedata.category(char) in ("Mn", "Mc", "Me", "Sk")
    )
