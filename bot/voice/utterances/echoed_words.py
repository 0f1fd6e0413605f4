"""The bot's own words, heard back: an echo that a microphone's owner did not say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bot.text import plain_words

LEAST_EVIDENCE = 18
"""Letters that must have been heard: people say "okay" too, and "near the station?" after who said it."""
LETTERS_A_SYLLABLE = 3
"""What one character counts where characters are syllables or words."""
FIRST_SYLLABLE = 0x2E80
"""The scripts from here on are mostly East Asian."""
MOST_WRONG = 0.2
"""Share of the letters that may be misheard. Somebody who only takes up the bot's words changes more."""

_Letters = NDArray[np.uint32]


def echoes(heard: str, spoken: str) -> bool:
    """Whether what was heard is, but for some mishearing, a stretch of what the bot has just spoken.

    Letters are compared, not words: an echo may begin within a word, and a transcriber splits words as it likes.
    """
    letters, said = _letters(heard), _letters(spoken)
    most_wrong = int(MOST_WRONG * len(letters))
    if _evidence(letters) < LEAST_EVIDENCE or len(letters) > len(said) + most_wrong:
        return False
    return _distance(letters, said) <= most_wrong


def _letters(text: str) -> _Letters:
    plain = "".join(plain_words(text)).replace("'", "").replace("-", "")
    return np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), np.uint32)


def _evidence(letters: _Letters) -> int:
    return len(letters) + (LETTERS_A_SYLLABLE - 1) * int(np.count_nonzero(letters >= FIRST_SYLLABLE))


def _distance(letters: _Letters, said: _Letters) -> int:
    """The fewest edits that make the letters a stretch of what was said (Sellers, 1980)."""
    places = np.arange(len(said) + 1)
    # Row by row: the edits for the letters so far, by the place in what was said where they end.
    edits = np.zeros(len(said) + 1, np.int64)
    for letter in letters:
        row = edits + 1
        row[1:] = np.minimum(row[1:], edits[:-1] + (said != letter))
        # Leaving out letters that were said costs one each, from the best place before.
        edits = np.minimum.accumulate(row - places) + places
    return int(edits.min())
