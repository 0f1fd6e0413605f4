"""Loops in a transcript: the same few letters again and again, because the recogniser has got stuck.

Whisper itself looks at how well the text compresses, and whisper.cpp at the variety of its tokens. Both need a page of
it, and an utterance in a call is two seconds long: here the repeated unit itself is looked for. It is looked for in the
letters alone, without blanks and marks, so that it may be a syllable, a word or a sentence, in any script.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.text import plain_words

LONGEST_UNIT = 80
"""Letters of the longest unit that is looked for."""
MOST_LETTERS = 4_000
"""What is beyond them is not looked at; nobody says so much in one turn."""
OFTEN = 16
"""How often people say one syllable: "ha ha ha", "no no no"."""
LETTERS_AGAIN = 32
"""How many letters of a longer unit people say in its repetitions, ..."""
A_FEW, A_FEW_LONG = 5, 4
"""... but so often anything, and anything that is long."""
SYLLABLE, LONG = 2, 8
"""Letters: up to the first a unit is a syllable, above the second it is long."""
STUCK, STUCK_LETTERS = 3, 5
"""Repetitions and letters of a unit from which it is a loop where the recogniser did not end by itself.

A recogniser that is stuck goes on until it has used up the tokens that it may write. So may people who say "no no no"
very fast, whose units are shorter.
"""

_KANA = frozenset(map(chr, range(0x3040, 0x3100)))


@dataclass(frozen=True, slots=True)
class Loop:
    """A unit that comes ``times`` in a row, the last time perhaps in part.

    ``begin`` and ``end`` are where that stands in the text; ``share`` is how much of the text's letters it is, 0 to 1.
    """

    unit: str
    times: float
    begin: int
    end: int
    share: float
    ends_text: bool


def letters(text: str) -> int:
    """How much there is to say in a text: its letters; the character of a syllable counts as two or three."""
    return sum(1 if character < "\u2e80" else 2 if character in _KANA else 3 for character in text)


def find_loop(text: str, *, cut_off: bool = False) -> Loop | None:
    """The loop that the recogniser was caught in; ``None`` where the text may be what somebody said.

    ``cut_off``: the recogniser did not end the text by itself. Where it does not tell, a word that breaks off does.
    """
    cut_off = cut_off or _breaks_off(text)
    for loop in _repetitions(text):
        size = letters(loop.unit)
        stuck = cut_off and loop.ends_text and size >= STUCK_LETTERS and loop.times >= STUCK
        if stuck or loop.times > _at_most(size):
            return loop
    return None


def _breaks_off(text: str) -> bool:
    """Whether the last word is the beginning of the one before it: "Dallad, Dallad, D"."""
    *_, before, last = ["", "", *plain_words(text)]
    return before != last and before.startswith(last)


def _at_most(size: int) -> int:
    """How often in a row people may say a unit of so many letters."""
    if size <= SYLLABLE:
        return OFTEN
    return max(A_FEW_LONG if size > LONG else A_FEW, LETTERS_AGAIN // size)


def _repetitions(text: str) -> Iterator[Loop]:
    """Every unit that stands at least twice in a row, the shorter ones first."""
    said, places = _letters_of(text)
    codes = np.array([ord(letter) for letter in said], np.int32)
    for period in range(1, min(LONGEST_UNIT, len(said) // 2) + 1):
        for begin, same_until in _runs(codes[period:] == codes[:-period]):
            unit = said[begin : begin + period]
            # "haha" again and again is "ha" again and again.
            if same_until - begin < period or unit in (unit + unit)[1:-1]:
                continue
            length = same_until - begin + period
            after = begin + length
            ends_text = after == len(said)
            end = len(text) if ends_text else places[after]
            yield Loop(unit, length / period, places[begin], end, length / len(said), ends_text)


def _letters_of(text: str) -> tuple[str, list[int]]:
    """The letters and figures of a text in lower case, and where in it each stands."""
    said: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text[:MOST_LETTERS]):
        # The vowel signs of Indian scripts and of Thai are marks, and no less a part of the word.
        folded = "".join(
            each
            for each in unicodedata.normalize("NFKC", character).casefold()
            if each.isalnum() or unicodedata.category(each) in ("Mn", "Mc")
        )
        said.extend(folded)
        places.extend([place] * len(folded))
    return "".join(said), places


def _runs(same: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Where stretches of ``True`` begin and end."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False])).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
