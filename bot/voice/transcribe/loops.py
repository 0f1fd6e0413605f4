"""Search for loops in a transcript: the recogniser got stuck, and wrote the same few letters again and again.

Whisper detects loops by how well the text compresses, and whisper.cpp by the variety of its tokens. Both need long
texts, but an utterance in a call lasts two seconds. This module searches for the repeated unit itself. Spaces and
punctuation are ignored, so that a unit may be a syllable, a word or a sentence, in any script.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.text import FIRST_UNSPACED, plain_words

MAX_UNIT = 80
"""Maximum number of letters of a unit."""
MAX_LETTERS = 4_000
"""Only this many characters of a text are searched. Nobody says more in one turn."""
MAX_SYLLABLES = 16
"""Maximum number of times in a row that people say a syllable: "ha ha ha", "no no no"."""
MAX_REPEATED_LETTERS = 32
"""If people repeat a unit that is longer than a syllable, all repetitions together have at most this many letters."""
MAX_NORMAL_UNITS, MAX_LONG_UNITS = 5, 4
"""People may say a unit of normal length, or a long one, this many times in a row.

They may do so even if these are more letters than :data:`MAX_REPEATED_LETTERS`.
"""
SYLLABLE_LETTERS, NORMAL_LETTERS = 2, 8
"""Maximum number of letters of a syllable, and of a unit of normal length."""
MIN_STUCK_REPETITIONS, MIN_STUCK_LETTERS = 3, 5
"""If the recogniser was cut off, a unit at the end of the text is a loop if it has this many repetitions and letters.

A stuck recogniser goes on until it has written as many tokens as it may. People who say "no no no" very fast make it
write as many tokens too, but such words have fewer letters.
"""

_KANA = frozenset(map(chr, range(0x3040, 0x3100)))


@dataclass(frozen=True, slots=True)
class Loop:
    """A unit that is repeated in a text.

    Attributes:
        unit: the repeated letters, in lower case.
        times: number of times in a row; it has a fraction if the last repetition is incomplete.
        begin, end: range of the repetitions in the text, in characters.
        share: share of the text's letters that belong to the repetitions, 0 to 1.
        ends_text: True if the text ends with the repetitions.
    """

    unit: str
    times: float
    begin: int
    end: int
    share: float
    ends_text: bool


def letters(text: str) -> int:
    """The length of a text in letters, as a measure of how long it takes to say.

    A Japanese kana counts as two letters, and any other East Asian character as three.
    """
    return sum(1 if character < FIRST_UNSPACED else 2 if character in _KANA else 3 for character in text)


def find_loop(text: str, *, cut_off: bool = False) -> Loop | None:
    """Find the loop in which the recogniser was stuck; returns ``None`` if the text may be what somebody said.

    Args:
        text: transcript.
        cut_off: True if the recogniser wrote as many tokens as it may. A text whose last word is incomplete counts as
            cut off too.
    """
    cut_off = cut_off or _breaks_off(text)
    for loop in _repetitions(text):
        size = letters(loop.unit)
        stuck = cut_off and loop.ends_text and size >= MIN_STUCK_LETTERS and loop.times >= MIN_STUCK_REPETITIONS
        if stuck or loop.times > _max_repetitions(size):
            return loop
    return None


def _breaks_off(text: str) -> bool:
    """True if the last word is the beginning of the word before it: "Dallad, Dallad, D"."""
    *_, before, last = ["", "", *plain_words(text)]
    return before != last and before.startswith(last)


def _max_repetitions(size: int) -> int:
    """The number of times in a row that people may say a unit of ``size`` letters."""
    if size <= SYLLABLE_LETTERS:
        return MAX_SYLLABLES
    return max(MAX_LONG_UNITS if size > NORMAL_LETTERS else MAX_NORMAL_UNITS, MAX_REPEATED_LETTERS // size)


def _repetitions(text: str) -> Iterator[Loop]:
    """Yield every unit that is written at least twice in a row, the shortest first."""
    said, places = _letters_of(text)
    codes = np.array([ord(letter) for letter in said], np.int32)
    for period in range(1, min(MAX_UNIT, len(said) // 2) + 1):
        for begin, same_until in _runs(codes[period:] == codes[:-period]):
            unit = said[begin : begin + period]
            # A repeated "haha" is a repeated "ha", which was found before.
            if same_until - begin < period or unit in (unit + unit)[1:-1]:
                continue
            length = same_until - begin + period
            after = begin + length
            ends_text = after == len(said)
            end = len(text) if ends_text else places[after]
            yield Loop(unit, length / period, places[begin], end, length / len(said), ends_text)


def _letters_of(text: str) -> tuple[str, list[int]]:
    """The letters and digits of a text in lower case, and the position of each in the text."""
    said: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text[:MAX_LETTERS]):
        # The vowel signs of Indian scripts and of Thai are in Unicode's categories of marks, but belong to the word.
        folded = "".join(
            each
            for each in unicodedata.normalize("NFKC", character).casefold()
            if each.isalnum() or unicodedata.category(each) in ("Mn", "Mc")
        )
        said.extend(folded)
        places.extend([place] * len(folded))
    return "".join(said), places


def _runs(same: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield the begin and the end of each run of ``True``."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False])).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
