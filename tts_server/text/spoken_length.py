"""Spoken length: an estimate of how long a voice takes to say a text. Its unit is the time for one Latin letter.

The number of characters is a poor measure: a voice reads long numbers digit by digit, and says the name of each letter
of a foreign script ("Egyptian hieroglyph"), which may take two seconds a letter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from types import MappingProxyType

from languages.scripts import script, scripts_of
from tts_server.text.punctuation import CLAUSE_ENDS, SENTENCE_ENDS, joins_previous, weight

# Spoken length of one character, in Latin letters.
_DIGIT = 5
_DIGIT_OF_LONG_NUMBER = 9
_CAPITAL = 2
_SYMBOL = 4
_RARE_SYMBOL = 9
# A number with more digits than this is long.
_SHORT_NUMBER = 2
_SYMBOLS = frozenset("#$%&*+/<=>@\\^`|~")
# Measured with espeak-ng's English, German and Russian voices, which Piper's voices follow. Each value is the longest
# of the three.
_FOREIGN = MappingProxyType(
    {
        "CYRILLIC": 10,
        "GREEK": 6,
        "ARABIC": 12,
        "HEBREW": 13,
        "CJK": 17,
        "HIRAGANA": 17,
        "KATAKANA": 17,
        "HANGUL": 4,
        "DEVANAGARI": 2,
        "GEORGIAN": 2,
    }
)
_UNKNOWN = 30
_DIGITS = re.compile("[0-9]+")
_CLAUSE_ENDS = CLAUSE_ENDS | SENTENCE_ENDS | frozenset(".;:")


def spoken_length(text: str, language: str) -> int:
    """Return about how long a voice of this language takes to say ``text``, in Latin letters (15 a second).

    Args:
        text: the text to speak.
        language: the voice's language, a BCP 47 tag; empty if the voice speaks every language.
    """
    if not text.isascii():
        return sum(_lengths(text, language))
    # The same, counted without a step for each character: people wait for it before each segment.
    more = (_CAPITAL - 1) * sum(map(str.isupper, text)) + (_SYMBOL - 1) * sum(map(text.count, _SYMBOLS))
    for number in _DIGITS.findall(text):
        short = min(len(number), _SHORT_NUMBER)
        more += short * _DIGIT + (len(number) - short) * _DIGIT_OF_LONG_NUMBER - len(number)
    return len(text) + more


def spoken_start(text: str, language: str, most: float) -> str:
    """Return the longest start of ``text`` whose spoken length is at most ``most``, or its first character.

    It ends after a clause that fills at least half of ``most``, else after a word, else between two characters.
    """
    if spoken_length(text, language) <= most:
        return text
    length, after_clause, after_word = 0, 0, 0
    for place, (char, more) in enumerate(zip(text, _lengths(text, language), strict=True)):
        length += more
        if place and length > most:
            return text[: after_clause or after_word or _between_characters(text, place)]
        if place and char.isspace():
            after_word = place + 1
            if text[place - 1] in _CLAUSE_ENDS and 2 * length >= most:
                after_clause = place + 1
    return text


def _between_characters(text: str, place: int) -> int:
    end = place
    while end and joins_previous(text[end]):
        end -= 1
    return end or place


def _lengths(text: str, language: str) -> Iterator[int]:
    known_scripts, digits = scripts_of(language), 0
    for char in text:
        digits = digits + 1 if char.isdigit() else 0
        if digits:
            yield _DIGIT if digits <= _SHORT_NUMBER else _DIGIT_OF_LONG_NUMBER
        else:
            yield _length(char, known_scripts)


def _length(char: str, known_scripts: frozenset[str] | None) -> int:
    if char.isascii():
        return _SYMBOL if char in _SYMBOLS else _CAPITAL if char.isupper() else 1
    category = unicodedata.category(char)
    if category[0] in "PZC":
        return 1
    if category[0] == "S" or category == "No":
        return _RARE_SYMBOL
    return _letter(char, script(char), known_scripts) * _letters_in(char)


def _letter(char: str, written_in: str, known_scripts: frozenset[str] | None) -> int:
    if written_in == "COMBINING" or known_scripts is None or written_in in known_scripts:
        return weight(char)
    return _FOREIGN.get(written_in, _UNKNOWN)


def _letters_in(char: str) -> int:
    """Return the number of letters that a ligature stands for; some Arabic ones are whole sentences."""
    decomposition = unicodedata.decomposition(char)
    return decomposition.count(" ") if decomposition.startswith("<") else 1
