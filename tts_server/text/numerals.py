"""Figures as words, in the text's language. What is not certain, or has no words, stays for the engine to read."""

from __future__ import annotations

import re
from functools import lru_cache

from languages.tags import main_part
from tts_server.text.amounts import Amounts
from tts_server.text.figures import Codes, Ordinals
from tts_server.text.lexicon import Numbers, Phrases, lexicon_for
from tts_server.text.moments import Calendar, Times
from tts_server.text.number_words import NumberWords

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
            *([Calendar(numbers.dates, words, region)] if numbers.dates else ()),
            *([Times(numbers.clock, words, numbers.range)] if numbers.clock else ()),
            Codes(phrases, words),
            Ordinals(numbers, words),
            Amounts(numbers, words),
        )

    def spell(self, text: str) -> str:
        for rule in self._rules:
            text = rule.spell(text)
        return _FIGURES.sub(self._left, text) if self._left else text


@lru_cache(_REMEMBERED)
def _speller(main: str, region: str) -> _Speller | None:
    lexicon = lexicon_for(main)
    return _Speller(main, region, lexicon.numbers, lexicon.phrases) if lexicon.numbers else None
