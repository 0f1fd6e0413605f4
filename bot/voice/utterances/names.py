"""Is somebody called by name? A transcriber misspells names, so what sounds alike counts."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

from bot.text import plain_words
from bot.voice.utterances.unspaced import UnspacedNames, apart, folded

ALIKE = 0.8
"""How alike a word and a name must be, 0 to 1, from :class:`difflib.SequenceMatcher`."""
ALIKE_IN_PARTS = 0.85
"""The same for several words together: "see you" is no "Seiyuu"."""
CALLS = frozenset({"hey", "hi", "hello", "okay", "ok", "hallo", "salut", "hola", "привет"})
"""Words after which somebody is called."""
SHORTEST_FUZZY = 5
"""Names shorter than this must be said as they are: too much sounds like them."""
_SOUNDS = (("ph", "f"), ("ck", "k"), ("c", "k"), ("y", "i"), ("z", "s"), ("uu", "u"), ("oo", "u"), ("ee", "i"))


class Names:
    """What one is called.

    Args:
        names: as they are written; of several words, each form counts as a whole.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.become(names)

    def become(self, names: Iterable[str]) -> None:
        """Be called this from now on."""
        names = tuple(names)
        self._unspaced = UnspacedNames(names)
        self._names = [words for name in names if (words := plain_words(apart(folded(name))))]
        self._written = {len(words) for words in self._names} | {1}
        self._lengths = self._written | {2}

    def called_in(self, text: str) -> bool:
        """Whether one of them is said anywhere in the text."""
        words = plain_words(apart(folded(text)))
        return any(True for _ in self._unspaced.find(folded(text))) or any(
            self.is_name(words[at : at + n])
            for n in self._lengths
            for at in range(len(words) - n + 1)
            # "Say you" is a name where somebody is called, and two words in the middle of "they say you won".
            if n in self._written or at in (0, len(words) - n) or words[at - 1] in CALLS
        )

    def called_first(self, text: str) -> bool:
        """Whether the text begins with one of them, perhaps behind a "hey"."""
        words = plain_words(apart(folded(text)))
        return self._unspaced.called_first(folded(text)) or any(
            self.is_name(words[at : at + n]) for at in (0, 1) for n in self._lengths
        )

    def without(self, text: str) -> str:
        """The text without the name at its beginning or end: "Seiyuu, stop" is "stop". In plain words."""
        words = plain_words(self._unspaced.without(" ".join(plain_words(apart(folded(text))))))
        for length in sorted(self._lengths, reverse=True):
            if self.is_name(words[:length]):
                words = words[length:]
            if self.is_name(words[len(words) - length :]):
                words = words[: len(words) - length]
        return " ".join(words)

    def is_name(self, words: list[str]) -> bool:
        """Whether these words together are one of the names, or sound like it."""
        least = ALIKE if len(words) == 1 else ALIKE_IN_PARTS
        return bool(words) and any(_alike("".join(words), "".join(name), least) for name in self._names)


def _alike(heard: str, name: str, least: float) -> bool:
    if heard == name:
        return True
    if len(name) < SHORTEST_FUZZY or heard[:1] != name[:1]:
        return False
    return difflib.SequenceMatcher(None, _sound(heard), _sound(name), autojunk=False).ratio() >= least


def _sound(word: str) -> str:
    """Roughly how a word sounds: accents and ways of spelling are gone."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    for written, sound in _SOUNDS:
        bare = bare.replace(written, sound)
    return bare
