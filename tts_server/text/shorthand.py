"""Abbreviations and signs in full: ``e.g.``, ``No. 5``, ``#1``, ``this & that``, ``2 + 2 = 4``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from tts_server.text.lexicon import Lexicon, lexicon_for, main_part
from tts_server.text.patterns import any_of

_NUMBER_SIGN = re.compile(r"(?<!\w)#(?=[0-9])")
_REMEMBERED = 64


def spell_out(text: str, language: str) -> str:
    """``text`` with what is certain to be an abbreviation in its language said in full."""
    return _abbreviations(main_part(language)).spell_out(text)


class _Abbreviations:
    def __init__(self, lexicon: Lexicon) -> None:
        self._phrases = lexicon.phrases
        self._full = _lower({**lexicon.abbreviations, **lexicon.closing_abbreviations})
        self._closing = frozenset(map(str.lower, lexicon.closing_abbreviations))
        self._before_numbers = _lower(lexicon.abbreviations_before_numbers)
        self._anywhere = re.compile(rf"(?<![\w.])(?:{any_of(self._full)})(?!\w)", re.IGNORECASE)
        self._numbering = re.compile(rf"(?<![\w.])({any_of(self._before_numbers)})\s?(?=[0-9])", re.IGNORECASE)

    def spell_out(self, text: str) -> str:
        if self._full:
            text = self._anywhere.sub(self._in_full, text)
        if self._before_numbers:
            text = self._numbering.sub(lambda match: self._before_numbers[match[1].lower()] + " ", text)
        return self._signs(text)

    def _in_full(self, match: re.Match[str]) -> str:
        short = match[0].lower()
        rest = match.string[match.end() :].lstrip()
        # The abbreviation's full stop was also the sentence's.
        ended = short.endswith(".") and (not rest or (short in self._closing and rest[0].isupper()))
        return self._full[short] + "." * ended

    def _signs(self, text: str) -> str:
        text = text.replace(" & ", f" {self._phrases.ampersand} ")
        if self._phrases.number:
            text = _NUMBER_SIGN.sub(f"{self._phrases.number} ", text)
        if self._phrases.plus:
            text = text.replace(" + ", f" {self._phrases.plus} ")
        return text.replace(" = ", f" {self._phrases.equals} ") if self._phrases.equals else text


def _lower(words: Mapping[str, str]) -> dict[str, str]:
    return {short.lower(): full for short, full in words.items()}


@lru_cache(_REMEMBERED)
def _abbreviations(main: str) -> _Abbreviations:
    return _Abbreviations(lexicon_for(main))
