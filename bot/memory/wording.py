"""Words of facts and sentences: which of them tell something, and whether two facts are about the same matter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from languages.scripts import is_unspaced_script
from languages.search_words import query, words

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_IS = frozenset({*("is", "are", "was", "were", "be", "ist", "sind", "war", "heißt", "est", "es", "è", "é", "是", "叫")})
"""What stands between a matter and its value: "her favourite colour is blue"."""


def fold(text: str) -> str:
    """A form of a text that is the same for texts that differ only in case, accents, spaces and punctuation."""
    return " ".join(words_of(text))


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case and without accents. Each character of Chinese and Japanese is a word."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    folded = "".join(sign for sign in folded if not unicodedata.combining(sign))
    found: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFC", folded)):
        if any(map(is_unspaced_script, word)):
            found += [sign for sign in word if sign.isalnum()]
        else:
            found.append(word.replace("’", "'"))
    return found


def telling(text: str) -> list[str]:
    """The words of a text that tell something, in the form that full-text search uses: no "the", "was" and the like."""
    return [term.strip('"*') for term in query(text).split(" OR ") if term]


def names(text: str) -> set[str]:
    """The names and numbers in a text, in the form that full-text search uses.

    They are the words with a digit, and those that begin with a capital, unless they stand at the text's beginning.
    """
    marked = [
        match[0]
        for match in _WORD.finditer(text)
        if any(map(str.isdigit, match[0])) or (match[0][0].isupper() and match.start() > 0)
    ]
    return _known(marked)


def values(text: str) -> set[str]:
    """The words by which a fact is recognised in other sentences: its names and numbers, or else its last word."""
    return names(text) or set(telling(text)[-1:])


def same_matter(new: str, old: str) -> bool:
    """Whether two facts about one person tell the same thing with other values, or the same value again.

    "sister is called Mira" and "sister is called Lena" tell the same thing, "likes tea" and "likes coffee" do not.
    """
    ours, theirs = set(telling(new)), set(telling(old))
    if not ours or not theirs:
        return False
    if ours == theirs:
        return True
    frame, other = ours - names(new), theirs - names(old)
    if frame and frame == other and (names(new) or names(old)):
        return True
    matter, subject = _matter(new), _matter(old)
    return bool(matter) and matter == subject


def _matter(text: str) -> tuple[str, ...]:
    """What stands before "is" in a fact."""
    found = words_of(text)
    at = next((index for index, word in enumerate(found) if word in _IS), 0)
    return tuple(telling(" ".join(found[:at])))


def _known(found: Iterable[str]) -> set[str]:
    return {known for each in found for known in words(each)}
