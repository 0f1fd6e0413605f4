"""Number words of one language, mostly from num2words. Fractions that num2words gets wrong are put into words here."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from num2words import CONVERTER_CLASSES

from tts_server.text.lexicon_schema import Endings, Gender, Numbers, OwnWords

LONGEST = 15
"""A number with more digits than this is read digit by digit, like a telephone number."""

_CACHED_NUMBERS = 2048
_LAST_WORDS = re.compile(r"(?:([^\W\d_]+) )?([^\W\d_]+) \Z")
_CONTEXT_CHARACTERS = 24
# num2words raises these if the language lacks a kind of number, or if the number is too large for its words.
_FAILURES = (ArithmeticError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError)


class NumberWords:
    """Numbers as words in one language. A number without words stays in digits."""

    def __init__(self, language: str, numbers: Numbers) -> None:
        self._numbers = numbers
        self._converter = _OwnConverter(numbers.words) if numbers.words else _converter(language)
        self._words = lru_cache(_CACHED_NUMBERS)(self._uncached)

    def cardinal(self, digits: str, gender: Gender | None = None) -> str:
        """Return a whole number in words; digit by digit if it begins with 0 or exceeds :data:`LONGEST` digits."""
        if len(digits) > LONGEST or (len(digits) > 1 and digits[0] == "0"):
            return self.digits(digits)
        words = self._words("cardinal", int(digits))
        return digits if words is None else self._agree(words, gender)

    def digits(self, digits: str) -> str:
        """Return the word of each digit."""
        return " ".join(self._words("cardinal", int(digit)) or digit for digit in digits)

    def ordinal(self, number: int, grammar: Mapping[str, str] | None = None) -> str | None:
        """Return the ordinal number, or ``None`` if the language's ordinals are unknown."""
        return self._words("ordinal", number, tuple(sorted((grammar or {}).items())))

    def ordinal_after(self, number: int, text: str) -> str | None:
        """Return the ordinal number with the ending that it takes after the last two words of ``text``."""
        word = self.ordinal(number)
        last = _LAST_WORDS.search(text[-_CONTEXT_CHARACTERS:].lower())
        before = {last[2], f"{last[1]} {last[2]}"} if last else set()
        for inflection in self._numbers.ordinals.inflections if word else ():
            if not inflection.after or before.intersection(inflection.after):
                return with_ending(word or "", inflection.endings)
        return word

    def year(self, number: int) -> str:
        """Return a year as the language reads it: 1995 is "nineteen ninety-five" in English."""
        return (self._words("year", number) if self._numbers.years.hundreds else None) or self.cardinal(str(number))

    def decimal(self, whole: str, fraction: str, gender: Gender | None = None) -> str | None:
        """Return a number with a fraction in words, or ``None`` if the language's file does not say how to read it."""
        if not fraction:
            return self.cardinal(whole, gender)
        too_long = len(whole) + len(fraction) > LONGEST
        if self._numbers.fraction == "named" and not too_long:
            return self._words("cardinal", Decimal(f"{whole}.{fraction}"))
        if self._numbers.point is None:
            return None
        as_number = self._numbers.fraction == "number" and len(fraction) <= 2 and fraction[0] != "0"
        spoken = self.cardinal(fraction) if as_number else self.digits(fraction)
        return f"{self.cardinal(whole)} {self._numbers.point} {spoken}"

    def _agree(self, words: str, gender: Gender | None) -> str:
        if gender is None or gender not in self._numbers.agreement:
            return words
        head, space, last = words.rpartition(" ")
        return head + space + self._numbers.agreement[gender].get(last, last)

    def _uncached(self, kind: str, number: int | Decimal, grammar: tuple[tuple[str, str], ...] = ()) -> str | None:
        try:
            # num2words separates thousands by commas, at which a voice would pause.
            return str(getattr(self._converter, f"to_{kind}")(number, **dict(grammar))).replace(",", "").strip()
        except _FAILURES:
            return None


class _OwnConverter:
    """Stands in for num2words's converter, for a language that num2words lacks."""

    def __init__(self, words: OwnWords) -> None:
        self._words = words

    def to_cardinal(self, number: int) -> str:
        for scale, name in self._words.scales.items():
            if number >= scale:
                rest = f" {self.to_cardinal(number % scale)}" if number % scale else ""
                return f"{self.to_cardinal(number // scale)} {name}{rest}"
        return self._words.below_hundred[number]


def with_ending(word: str, endings: Endings) -> str:
    """Replace the ending of ``word``: if it ends with a key of ``endings``, that key's value takes the key's place."""
    for written, said in endings.items():
        if word.endswith(written):
            return word.removesuffix(written) + said
    return word


def _converter(name: str) -> Any:
    """Make a converter for this module alone, without the names of huge numbers.

    num2words shares its converters, and they search thousands of number names that nobody says, which is slow.
    """
    converter = type(CONVERTER_CLASSES[name])()
    if hasattr(converter, "cards"):
        converter.cards = OrderedDict(
            (number, word) for number, word in converter.cards.items() if number <= 10**LONGEST
        )
    return converter
