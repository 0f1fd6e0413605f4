"""Expands abbreviations and signs into words: ``e.g.``, ``No. 5``, ``#1``, ``this & that``, ``2 + 2 = 4``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from languages.tags import primary_language
from tts_server.text.lexicon import any_of, lexicon_for
from tts_server.text.lexicon_schema import Lexicon

_NUMBER_SIGN = re.compile(r"(?<!\w)#(?=[0-9])")
_CACHED_LANGUAGES = 64


def expand_abbreviations(text: str, language: str) -> str:
    """Replace the abbreviations and signs that are listed in the language's file by full words.

    Raises:
        LexiconError: the language's file is broken.
    """
    return _abbreviations(primary_language(language)).expand(text)


class _Abbreviations:
    """The abbreviations and signs of one language."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._phrases = lexicon.phrases
        self._full = {**lexicon.abbreviations, **lexicon.closing_abbreviations}
        self._closing = lexicon.closing_abbreviations
        self._before_numbers = lexicon.abbreviations_before_numbers
        self._anywhere = re.compile(rf"(?<![\w.])({_any_case(self._full)})(?!\w)")
        self._numbering = re.compile(rf"(?<![\w.])({_any_case(self._before_numbers)})\s?(?=[0-9])")

    def expand(self, text: str) -> str:
        if self._full:
            text = self._anywhere.sub(self._in_full, text)
        if self._before_numbers:
            text = self._numbering.sub(lambda match: f"{_of(match, self._before_numbers)} ", text)
        return self._signs(text)

    def _in_full(self, match: re.Match[str]) -> str:
        rest = match.string[match.end() :].lstrip()
        # The full stop of an abbreviation at the end of a sentence also ends the sentence: keep a full stop.
        closes = _of(match, self._closing) is not None
        ended = match[0].endswith(".") and (not rest or (closes and rest[0].isupper()))
        return f"{_of(match, self._full)}{'.' * ended}"

    def _signs(self, text: str) -> str:
        text = text.replace(" & ", f" {self._phrases.ampersand} ")
        if self._phrases.number:
            text = _NUMBER_SIGN.sub(f"{self._phrases.number} ", text)
        if self._phrases.plus:
            text = text.replace(" + ", f" {self._phrases.plus} ")
        return text.replace(" = ", f" {self._phrases.equals} ") if self._phrases.equals else text


def _any_case(words: Mapping[str, str]) -> str:
    """Return a pattern for ``words``: lower-case words match in any case, words with a capital only as written."""
    lower_case = {word for word in words if word == word.lower()}
    return f"{any_of(words.keys() - lower_case)}|(?i:{any_of(lower_case)})"


def _of(match: re.Match[str], words: Mapping[str, str]) -> str | None:
    return words.get(match[1], words.get(match[1].lower()))


@lru_cache(_CACHED_LANGUAGES)
def _abbreviations(main: str) -> _Abbreviations:
    return _Abbreviations(lexicon_for(main))
