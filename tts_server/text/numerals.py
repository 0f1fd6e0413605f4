"""Spells out numbers as words, in the text's language.

A number whose meaning is uncertain stays in digits, which the engine reads. So does a number for which the language's
file has no words.
"""

from __future__ import annotations

import re
from functools import lru_cache

from languages.tags import primary_language
from tts_server.text.dates import DateRule, TimeRule
from tts_server.text.lexicon import any_of, lexicon_for
from tts_server.text.lexicon_schema import Numbers, Phrases
from tts_server.text.number_words import NumberWords, with_ending
from tts_server.text.quantities import QuantityRule

_CACHED_LANGUAGES = 64
_DIGITS = re.compile("[0-9]+")
# Four forms: with a country code; the American grouping; groups after a leading zero; four groups of four, as on a
# payment card.
_TELEPHONE = re.compile(
    r"(?<![\w.,/-])(?:\+[0-9][0-9 ()/-]{6,18}[0-9]"
    r"|\(?[0-9]{3}\)?[ -][0-9]{3}-[0-9]{4}"
    r"|0[0-9]{1,5}(?:[ /-][0-9]{2,8}){1,4}"
    r"|[0-9]{4}(?:[ -][0-9]{4}){3})(?![\w/-]|[.,:][0-9])"
)
_MIN_PHONE_DIGITS = 7
_VERSION = re.compile(r"(?<![\w.])(?:([vV])([0-9]+(?:\.[0-9]+)+)|[0-9]+(?:\.[0-9]+){2,})(?!\w|\.[0-9])")
_MAX_ORDINAL_DIGITS = 6


def spell_numbers(text: str, language: str) -> str:
    """Replace numbers in ASCII digits by words; digits within a word, as in ``mp3``, stay.

    Args:
        text: one segment, without markup.
        language: a BCP 47 tag; its region decides the order of day and month in dates.

    Raises:
        LexiconError: the language's file is broken.
    """
    if not _DIGITS.search(text):
        return text
    speller = _speller(primary_language(language), language.lower().replace("_", "-").partition("-")[2])
    return speller.spell(text) if speller else text


class _Speller:
    """The number rules of one language, applied in a fixed order: dates and times first, bare numbers last."""

    def __init__(self, main: str, region: str, numbers: Numbers, phrases: Phrases) -> None:
        words = NumberWords(main, numbers)
        self._spell_remaining = (lambda match: f" {words.digits(match[0])} ") if numbers.every_figure else None
        self._rules = (
            *([DateRule(numbers.dates, words, region)] if numbers.dates else ()),
            *([TimeRule(numbers.clock, words, numbers.range)] if numbers.clock else ()),
            PhoneAndVersionRule(phrases, words),
            OrdinalRule(numbers, words),
            QuantityRule(numbers, words),
        )

    def spell(self, text: str) -> str:
        for rule in self._rules:
            text = rule.spell(text)
        return _DIGITS.sub(self._spell_remaining, text) if self._spell_remaining else text


@lru_cache(_CACHED_LANGUAGES)
def _speller(main: str, region: str) -> _Speller | None:
    lexicon = lexicon_for(main)
    return _Speller(main, region, lexicon.numbers, lexicon.phrases) if lexicon.numbers else None


class PhoneAndVersionRule:
    """Spells telephone numbers digit by digit (``+49 170 1234567``), and versions part by part (``v2.7.1``)."""

    def __init__(self, phrases: Phrases, words: NumberWords) -> None:
        self._phrases = phrases
        self._words = words

    def spell(self, text: str) -> str:
        """Replace every telephone number and version by words."""
        return _VERSION.sub(self._version, _TELEPHONE.sub(self._telephone, text))

    def _telephone(self, match: re.Match[str]) -> str:
        groups = re.findall("[0-9]+", match[0])
        if sum(map(len, groups)) < _MIN_PHONE_DIGITS:
            return match[0]
        spoken = ", ".join(map(self._words.digits, groups))
        return f"{self._phrases.plus or '+'} {spoken}" if match[0][0] == "+" else spoken

    def _version(self, match: re.Match[str]) -> str:
        numbers = (match[2] or match[0]).split(".")
        spoken = f" {self._phrases.dot} ".join(map(self._words.cardinal, numbers))
        return f"{self._phrases.version or match[1]} {spoken}" if match[1] else spoken


class OrdinalRule:
    """Spells ordinal numbers (``3rd``, ``2º``, ``der 3. Platz``) and decades (``the 1990s``)."""

    def __init__(self, numbers: Numbers, words: NumberWords) -> None:
        self._ordinals = numbers.ordinals
        self._decades = numbers.years.decades
        self._words = words
        digits = rf"[0-9]{{1,{_MAX_ORDINAL_DIGITS}}}"
        self._suffixed = re.compile(rf"(?<![\w.,])({digits})({any_of(self._ordinals.suffixes)})(?!\w)", re.IGNORECASE)
        after = any_of(word for inflection in self._ordinals.inflections for word in inflection.after)
        self._after_word = re.compile(rf"(?<!\w)({after}) ({digits})\.(?= \w)", re.IGNORECASE)
        self._before_lower = re.compile(rf"(?<![\w.,])({digits})\.(?= [^\W\d_])")
        self._decade = re.compile(rf"(?<!\w)([12][0-9]{{2}}0)({any_of(self._decades)})(?!\w)")

    def spell(self, text: str) -> str:
        """Replace every ordinal number and decade by words."""
        if self._ordinals.suffixes:
            text = self._suffixed.sub(self._with_suffix, text)
        if self._ordinals.inflections:
            text = self._after_word.sub(self._inflected, text)
        if self._ordinals.dot_before_lower:
            text = self._before_lower.sub(self._dotted, text)
        return self._decade.sub(self._of_decade, text) if self._decades else text

    def _with_suffix(self, match: re.Match[str]) -> str:
        suffix = self._ordinals.suffixes.get(match[2].lower())
        word = suffix and self._words.ordinal(int(match[1]), suffix.grammar)
        return with_ending(word, suffix.endings) if suffix and word else match[0]

    def _inflected(self, match: re.Match[str]) -> str:
        word = self._words.ordinal_after(int(match[2]), match[1] + " ")
        return f"{match[1]} {word}" if word else match[0]

    def _dotted(self, match: re.Match[str]) -> str:
        starts_lower = match.string[match.end() + 1].islower()
        word = self._words.ordinal(int(match[1])) if starts_lower else None
        return word or match[0]

    def _of_decade(self, match: re.Match[str]) -> str:
        return with_ending(self._words.year(int(match[1])), self._decades[match[2]])
