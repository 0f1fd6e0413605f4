"""The titles of the pieces of music, as people say them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.text import FIRST_UNSPACED, plain, plain_words

_NUMBER = re.compile(r"^\d{1,3}[\s.)_-]+(?=\S)")
"""The number of a piece in an album, before its title."""
_PARTS = re.compile(r"\s+[-–—]\s+")
"""What stands between a composer and a title."""


@dataclass(frozen=True, slots=True)
class TitleIndex:
    """Finds titles by what people say.

    A piece is called by its title, with or without its number in an album, and by what follows the composer: "Strauss -
    Blue Danube" is "Blue Danube" too, unless another piece is called so.
    """

    _titles: Mapping[str, str] = field(default_factory=dict)
    """Titles by what they are called, without spaces, since a recogniser may part words in other places."""
    _words: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The words of each title."""

    @classmethod
    def of(cls, titles: Iterable[str]) -> TitleIndex:
        """The index of these titles. The first of those that are called the same is found."""
        titles = list(dict.fromkeys(titles))
        whole = {key: title for title in reversed(titles) if (key := _key(title))}
        shorter = [(key, title) for title in titles for key in dict.fromkeys(map(_key, _short_forms(title))) if key]
        times = Counter(key for key, _ in shorter)
        parts = {key: title for key, title in shorter if times[key] == 1}
        return cls({**parts, **whole}, {title: frozenset(plain_words(title)) for title in titles})

    def exact(self, words: str) -> str:
        """The title that consists of these words; empty if there is none."""
        return self._titles.get(_key(words), "")

    def only(self, words: str) -> str:
        """The only title that has all these words; empty if there is none, or more than one."""
        wanted = plain_words(words)
        found = [title for title, has in self._words.items() if wanted and all(_is_in(word, has) for word in wanted)]
        return found[0] if len(found) == 1 else ""


def _key(text: str) -> str:
    return plain(text).replace(" ", "").replace("'", "").replace("-", "")


def _short_forms(title: str) -> Iterable[str]:
    """Other names of a piece: without its number, and without its composer."""
    unnumbered = _NUMBER.sub("", title)
    if unnumbered != title:
        yield unnumbered
    *composer, last = _PARTS.split(unnumbered)
    if composer:
        yield last


def _is_in(word: str, words: frozenset[str]) -> bool:
    """Whether a word is among others. In scripts without spaces, it may be a part of one."""
    return word in words or (word[0] >= FIRST_UNSPACED and any(word in each for each in words))
