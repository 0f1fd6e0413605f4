"""Figures that count nothing: ``+49 170 1234567``, ``v2.7.1``, ``3rd``, ``2º``, ``der 3. Platz``, ``the 1990s``."""

from __future__ import annotations

import re

from tts_server.text.lexicon import Numbers, Phrases
from tts_server.text.number_words import NumberWords, with_ending
from tts_server.text.patterns import any_of

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


class Codes:
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


class Ordinals:
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
