"""Figures as words, in the text's language. What is not certain, or has no words, stays for the engine to read."""

from __future__ import annotations

import re
from functools import lru_cache

from languages.tags import main_part
from tts_server.text.dates import DateRule, TimeRule
from tts_server.text.lexicon import Numbers, Phrases, any_of, lexicon_for
from tts_server.text.number_words import NumberWords, with_ending
from tts_server.text.quantities import QuantityRule

_REMEMBERED = 64
_FIGURES = re.compile("[0-9]+")


def spell_numbers(text: str, language: str) -> str:
    """Replace what is written in ASCII digits, and not part of a word such as ``mp3``, by words."""
    if not any("0" <= char <= "9" for char in text):
        return text
    speller = _speller(main_part(language), language.lower().replace("_", "-").partition("-")[2])
    return speller.spell(text) if speller else text


class _Speller:
    """The rules of a language, in their order: what one has spelled, the next no longer sees."""

    def __init__(self, main: str, region: str, numbers: Numbers, phrases: Phrases) -> None:
        words = NumberWords(main, numbers)
        self._left = (lambda match: f" {words.digits(match[0])} ") if numbers.every_figure else None
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
        return _FIGURES.sub(self._left, text) if self._left else text


@lru_cache(_REMEMBERED)
def _speller(main: str, region: str) -> _Speller | None:
    lexicon = lexicon_for(main)
    return _Speller(main, region, lexicon.numbers, lexicon.phrases) if lexicon.numbers else None


# With its country's code; in groups as in America; with a leading zero, in groups; a card's.
_TELEPHONE = re.compile(
    r"(?<![\w.,/-])(?:\+[0-9][0-9 ()/-]{6,18}[0-9]"
    r"|\(?[0-9]{3}\)?[ -][0-9]{3}-[0-9]{4}"
    r"|0[0-9]{1,5}(?:[ /-][0-9]{2,8}){1,4}"
    r"|[0-9]{4}(?:[ -][0-9]{4}){3})(?![\w/-]|[.,:][0-9])"
)
_SHORTEST = 7
_VERSION = re.compile(r"(?<![\w.])(?:([vV])([0-9]+(?:\.[0-9]+)+)|[0-9]+(?:\.[0-9]+){2,})(?!\w|\.[0-9])")
_HIGHEST_ORDINAL = 6


class PhoneAndVersionRule:
    """Reads telephone numbers digit by digit, and versions number by number, in one language."""

    def __init__(self, phrases: Phrases, words: NumberWords) -> None:
        self._phrases = phrases
        self._words = words

    def spell(self, text: str) -> str:
        """Replace each by its words."""
        return _VERSION.sub(self._version, _TELEPHONE.sub(self._telephone, text))

    def _telephone(self, match: re.Match[str]) -> str:
        groups = re.findall("[0-9]+", match[0])
        if sum(map(len, groups)) < _SHORTEST:
            return match[0]
        spoken = ", ".join(map(self._words.digits, groups))
        return f"{self._phrases.plus or '+'} {spoken}" if match[0][0] == "+" else spoken

    def _version(self, match: re.Match[str]) -> str:
        numbers = (match[2] or match[0]).split(".")
        spoken = f" {self._phrases.dot} ".join(map(self._words.cardinal, numbers))
        return f"{self._phrases.version or match[1]} {spoken}" if match[1] else spoken


class OrdinalRule:
    """Says what stands in a line, and decades, in one language."""

    def __init__(self, numbers: Numbers, words: NumberWords) -> None:
        self._ordinals = numbers.ordinals
        self._decades = numbers.years.decades
        self._words = words
        digits = rf"[0-9]{{1,{_HIGHEST_ORDINAL}}}"
        self._suffixed = re.compile(rf"(?<![\w.,])({digits})({any_of(self._ordinals.suffixes)})(?!\w)", re.IGNORECASE)
        after = any_of(word for inflection in self._ordinals.inflections for word in inflection.after)
        self._after_word = re.compile(rf"(?<!\w)({after}) ({digits})\.(?= \w)", re.IGNORECASE)
        self._before_lower = re.compile(rf"(?<![\w.,])({digits})\.(?= [^\W\d_])")
        self._decade = re.compile(rf"(?<!\w)([12][0-9]{{2}}0)({any_of(self._decades)})(?!\w)")

    def spell(self, text: str) -> str:
        """Replace each by its word."""
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
