"""Prepares what was written for being heard. Works on whole segments: a token alone does not show what it means."""

from __future__ import annotations

import re
import unicodedata

from config.pronunciations import Pronunciations
from tts_server.text.formulas import read_formulas, silence_marks
from tts_server.text.letter_marks import restore_marks
from tts_server.text.lexicon import lexicon_for
from tts_server.text.markup import ends_sentence, strip_markup
from tts_server.text.numerals import spell_numbers
from tts_server.text.pauses import hear_gaps, pause_after_introductions
from tts_server.text.shorthand import spell_out

# Joiners shape letters in Persian and the scripts of India; other invisible characters say nothing.
_SHAPING = frozenset("\u200c\u200d")
_SPOKEN_SYMBOLS = frozenset("°©®™№")
_UNUSUAL = re.compile(r"[^\w\s!-/:-@\[-`{-~]|[^\S \n]")
_REPEATED_STOP = re.compile(r"([!?])[!?]+")
_LINE_END = re.compile(r"(?<=\w)[ \t]*\n\s*")
# "12345.Let me see": the blank was forgotten, and a voice would read the full stop as "dot".
_GLUED_STOP = re.compile(r"(?<=[0-9])\.(?=[A-ZÀ-ÖØ-ÞА-ЯЁ](?:[^\W\d_A-Z]|['’ ]))")
# What is left when a mark was cut off with the segment before: closers and stops, but not "-5" or ".5".
_LEADING = re.compile(r"\A(?:[\s!?,;:)\]}»”’…—–\"']|[-.](?![$€£¥]?[0-9]))+")
_BLANK_BEFORE_MARK = re.compile(r" +(?=[,.!?;:](?:\s|\Z))")


def for_the_ear(text: str, language: str, before: str = "", pronunciations: Pronunciations | None = None) -> str:
    """What is to be spoken of the segment ``text``; empty if there is nothing, as of an emoji alone.

    ``before`` is the segment that came before it in the reply.
    """
    begins_sentence = ends_sentence(before) or text.startswith("\n")
    text = read_formulas(hear_gaps(text), language)
    text = silence_marks(strip_markup(text, lexicon_for(language).phrases, begins_sentence))
    text = _LEADING.sub("", _GLUED_STOP.sub(". ", text))
    text = pronunciations.apply(text) if pronunciations else text
    text = restore_marks(text, language)
    text = pause_after_introductions(text, language, begins_sentence)
    text = spell_out(text, language)
    text = spell_numbers(text, language)
    text = _LINE_END.sub(". ", text)
    text = _REPEATED_STOP.sub(r"\1", text)
    text = " ".join(_UNUSUAL.sub(_audible, text).split())
    text = _LEADING.sub("", _BLANK_BEFORE_MARK.sub("", text))
    return text if any(char.isalnum() for char in text) else ""


def prepare(language: str) -> None:
    """Read what is known of a language, so that its first segment comes at once. Blocks for 50 ms: call it in a thread.

    Raises:
        LexiconError: its file is broken.
    """
    for_the_ear("1 ", language)


def _audible(match: re.Match[str]) -> str:
    char = match[0]
    category = unicodedata.category(char)
    if category in ("Cc", "Cs", "Co", "Cn") or (category == "So" and char not in _SPOKEN_SYMBOLS):
        return " "
    if category == "Cf" and char not in _SHAPING:
        return ""
    return char
