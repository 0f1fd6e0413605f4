"""The error rate between a text that was said and a text that was recognised, in words or in letters.

Japanese and Chinese have no spaces between words, so each of their characters counts as a word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from num2words import num2words

_NUMBER = re.compile(r"\d+")
_NO_LETTER = re.compile(r"[^\w']+")
_BY_CHARACTERS = frozenset({"ja", "zh"})
"""The languages whose characters count as words, by their ISO 639-1 codes."""
_LONG_FORMS = (
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\bcan't\b"), "can not"),
    (re.compile(r"\blet's\b"), "let us"),
    (re.compile(r"'d(?= (?:been|gone|done)\b)"), " had"),
    (re.compile(r"(?<=\w)'s(?= (?:been|gone|got)\b)"), " has"),
    # After any other word, 's is mostly a genitive: "the dog's bone".
    (re.compile(r"\b(it|he|she|that|this|there|here|what|who|where|when|why|how)'s\b"), r"\1 is"),
    (re.compile(r"(?<!\bai)n't\b"), " not"),
    (re.compile(r"\bi'm\b"), "i am"),
    (re.compile(r"(?<=\w)'re\b"), " are"),
    (re.compile(r"(?<=\w)'ve\b"), " have"),
    (re.compile(r"(?<=\w)'ll\b"), " will"),
    (re.compile(r"(?<=\w)'d\b"), " would"),
)
"""English contractions and their long forms, tried in this order.

Recognition models often write "there's" where somebody said "there is": they have learned that. OpenAI's normaliser,
which Whisper's published error rates were measured with, has all of these pairs too, and more.
"""


@dataclass(frozen=True, slots=True)
class WordErrors:
    """The number of words that were inserted, left out or changed, among ``words`` that were said."""

    errors: int
    words: int

    def __add__(self, other: WordErrors) -> WordErrors:
        return WordErrors(self.errors + other.errors, self.words + other.words)

    @property
    def percent(self) -> float:
        """The word error rate, in percent. It is above 100 if many words were inserted."""
        return 100 * self.errors / self.words if self.words else 0.0


NO_WORDS = WordErrors(0, 0)


def word_errors(said: str, heard: str, language: str = "en") -> WordErrors:
    """Compare two texts in the same language. Case, punctuation and the spelling of numbers don't count.

    English contractions count as their long forms: "there's" is two words, "there is".

    Args:
        said: the text that was said.
        heard: the text that was recognised.
        language: the ISO 639-1 code of the language.
    """
    wanted, got = normalized_words(said, language), normalized_words(heard, language)
    return WordErrors(_distance(wanted, got), len(wanted))


def letter_errors(said: str, heard: str) -> WordErrors:
    """Compare the letters of two English texts. Each letter counts as a word; the spaces between words don't count.

    This suits few words. A recogniser mistakes short words without context even in clear sound: it writes "Braden" for
    "Dragon". A missing part of the sound costs the same share of letters as of words.
    """
    wanted, got = ("".join(normalized_words(text)) for text in (said, heard))
    return WordErrors(_distance(wanted, got), len(wanted))


def normalized_words(text: str, language: str = "en") -> list[str]:
    """The words of a text in lower case, with numbers and English contractions spelled out.

    Hyphens separate words, apostrophes do not. In Japanese and Chinese, each letter or digit is a word.
    """
    plain = text.lower().replace("’", "'")
    if language in _BY_CHARACTERS:
        return [character for part in _NO_LETTER.split(plain) for character in part]
    if language == "en":
        for contraction, long_form in _LONG_FORMS:
            plain = contraction.sub(long_form, plain)
    spelt = _NUMBER.sub(lambda number: f" {num2words(int(number.group()), lang=language)} ", plain)
    return [word for part in _NO_LETTER.split(spelt) if (word := part.strip("'_"))]


def _distance(wanted: Sequence[str], got: Sequence[str]) -> int:
    """The Levenshtein distance in words, or in the letters of a string."""
    row = list(range(len(got) + 1))
    for number, word in enumerate(wanted, 1):
        before, row[0] = row[0], number
        for column, other in enumerate(got, 1):
            least = min(row[column] + 1, row[column - 1] + 1, before + (word != other))
            before, row[column] = row[column], least
    return row[-1]
