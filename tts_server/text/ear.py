"""Prepares what was written for being heard. Works on whole segments: a token alone does not show what it means."""

from __future__ import annotations

import re
import unicodedata

from tts_server.text.markup import ends_sentence, strip_markup
from tts_server.text.numerals import spell_numbers
from tts_server.text.phrases import Phrases, phrases_for

# Joiners shape letters in Persian and the scripts of India; other invisible characters say nothing.
_SHAPING = frozenset("\u200c\u200d")
_SPOKEN_SYMBOLS = frozenset("°©®™№")
_REPEATED_STOP = re.compile(r"([!?])[!?]+")
_LINE_END = re.compile(r"(?<=\w)[ \t]*\n\s*")
# What is left when a mark was cut off with the segment before: closers and stops, but not "-5" or ".5".
_LEADING = re.compile(r"\A(?:[\s!?,;:)\]}»”’…—–\"']|[-.](?![0-9]))+")
_BLANK_BEFORE_MARK = re.compile(r" +(?=[,.!?;:](?:\s|\Z))")


def for_the_ear(text: str, language: str, before: str = "") -> str:
    """What is to be spoken of the segment ``text``; empty if there is nothing, as of an emoji alone.

    ``before`` is the segment that came before it in the reply.
    """
    phrases = phrases_for(language)
    text = strip_markup(text, phrases, begins_sentence=ends_sentence(before) or text.startswith("\n"))
    text = _spell_abbreviations(text, phrases)
    text = text.replace(" & ", f" {phrases.ampersand} ")
    text = spell_numbers(text, language)
    text = _LINE_END.sub(". ", text)
    text = _REPEATED_STOP.sub(r"\1", text)
    text = " ".join("".join(_audible(char) for char in text).split())
    text = _LEADING.sub("", _BLANK_BEFORE_MARK.sub("", text))
    return text if any(char.isalnum() for char in text) else ""


def _spell_abbreviations(text: str, phrases: Phrases) -> str:
    if "." not in text or not phrases.abbreviations:
        return text
    alternatives = "|".join(re.escape(short) for short in sorted(phrases.abbreviations, key=len, reverse=True))
    return re.sub(
        rf"(?<![\w.])(?:{alternatives})(?!\w)",
        lambda match: _in_full(match, phrases),
        text,
        flags=re.IGNORECASE,
    )


def _in_full(match: re.Match[str], phrases: Phrases) -> str:
    full = phrases.abbreviations[match[0].lower()]
    # The abbreviation's full stop was also the sentence's.
    ends_text = not match.string[match.end() :].strip()
    return full + "." if ends_text else full


def _audible(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Cc", "Cs", "Co", "Cn") or (category == "So" and char not in _SPOKEN_SYMBOLS):
        return " "
    if category == "Cf" and char not in _SHAPING:
        return ""
    return char
