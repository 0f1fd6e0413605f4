"""A language's number words. Only whole numbers come from num2words: its fractions are wrong in several languages."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from num2words import CONVERTER_CLASSES

from tts_server.text.lexicon import Endings, Gender, Numbers, OwnWords

LONGEST = 15
"""A number with more digits than this is read digit by digit, as people read a card's or a telephone's."""

_REMEMBERED = 2048
_LAST_WORDS = re.compile(r"(?:([^\W\d_]+) )?([^\W\d_]+) \Z")
_REACH = 24
# What num2words raises for a language that lacks something, or a number beyond its words.
_FAILURES = (ArithmeticError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError)


class NumberWords:
    """Says numbers in one language: those that it has no words for stay in figures."""

    def __init__(self, language: str, numbers: Numbers) -> None:
        self._numbers = numbers
        self._converter = _OwnConverter(numbers.words) if numbers.words else _converter(language)
        self._words = lru_cache(_REMEMBERED)(self._uncached)

    def cardinal(self, digits: str, gender: Gender | None = None) -> str:
        """A whole number; one with leading zeros, or beyond :data:`LONGEST`, digit by digit."""
        if len(digits) > LONGEST or (len(digits) > 1 and digits[0] == "0"):
            return self.digits(digits)
        words = self._words("cardinal", int(digits))
        return digits if words is None else self._agree(words, gender)

    def digits(self, digits: str) -> str:
        """One by one."""
        return " ".join(self._words("cardinal", int(digit)) or digit for digit in digits)

    def ordinal(self, number: int, grammar: Mapping[str, str] | None = None) -> str | None:
        """The ordinal; ``None`` where the language's are not known."""
        return self._words("ordinal", number, tuple(sorted((grammar or {}).items())))

    def ordinal_after(self, number: int, text: str) -> str | None:
        """The ordinal as inflected after ``text``, as far as its last two words tell."""
        word = self.ordinal(number)
        last = _LAST_WORDS.search(text[-_REACH:].lower())
        before = {last[2], f"{last[1]} {last[2]}"} if last else set()
        for inflection in self._numbers.ordinals.inflections if word else ():
            if not inflection.after or before.intersection(inflection.after):
                return with_ending(word or "", inflection.endings)
        return word

    def year(self, number: int) -> str:
        """As the language reads years."""
        return (self._words("year", number) if self._numbers.years.hundreds else None) or self.cardinal(str(number))

    def decimal(self, whole: str, fraction: str, gender: Gender | None = None) -> str | None:
        """A number with a fraction; ``None`` where the language has no way to say it."""
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
        head, blank, last = words.rpartition(" ")
        return head + blank + self._numbers.agreement[gender].get(last, last)

    def _uncached(self, kind: str, number: int | Decimal, grammar: tuple[tuple[str, str], ...] = ()) -> str | None:
        try:
            # Their commas part thousands for the eye; a voice would pause there.
            return str(getattr(self._converter, f"to_{kind}")(number, **dict(grammar))).replace(",", "").strip()
        except _FAILURES:
            return None


class _OwnConverter:
    """What is needed of num2words's, for a language that it lacks."""

    def __init__(self, words: OwnWords) -> None:
        self._words = words

    def to_cardinal(self, number: int) -> str:
        for scale, name in self._words.scales.items():
            if number >= scale:
                rest = f" {self.to_cardinal(number % scale)}" if number % scale else ""
                return f"{self.to_cardinal(number // scale)} {name}{rest}"
        return self._words.below_hundred[number]


def with_ending(word: str, endings: Endings) -> str:
    """``word`` with its ending replaced by the first of ``endings`` that it has."""
    for written, said in endings.items():
        if word.endswith(written):
            return word.removesuffix(written) + said
    return word


def _converter(name: str) -> Any:
    """One of our own: num2words's are shared, and look through thousands of names of numbers that nobody says."""
    converter = type(CONVERTER_CLASSES[name])()
    if hasattr(converter, "cards"):
        converter.cards = OrderedDict(
            (number, word) for number, word in converter.cards.items() if number <= 10**LONGEST
        )
    return converter
