"""Scripts: which script a text is written in, and which languages use it."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection
from types import MappingProxyType

from languages.tags import primary_language

# The languages that use each script, the most common one first. All languages that are not listed use Latin.
_LANGUAGES = MappingProxyType(
    {
        "HIRAGANA": "ja",
        "KATAKANA": "ja",
        "CJK": "zh ja yue hak",
        "HANGUL": "ko",
        "CYRILLIC": "ru uk be bg sr mk kk ky mn tg tt ba cv nog",
        "GREEK": "el grc",
        "ARABIC": "ar fa ur ps ug sd ku",
        "HEBREW": "he yi",
        "DEVANAGARI": "hi mr ne sa kok",
        "BENGALI": "bn as bpy",
        "TAMIL": "ta",
        "TELUGU": "te",
        "GUJARATI": "gu",
        "GURMUKHI": "pa",
        "KANNADA": "kn",
        "MALAYALAM": "ml",
        "SINHALA": "si",
        "ORIYA": "or",
        "THAI": "th",
        "LAO": "lo",
        "KHMER": "km",
        "MYANMAR": "my shn",
        "GEORGIAN": "ka",
        "ARMENIAN": "hy",
        "ETHIOPIC": "am",
    }
)
_IN_LATIN_TOO = frozenset({"sr", "ku"})
_NOT_LATIN = frozenset(" ".join(_LANGUAGES.values()).split()) - _IN_LATIN_TOO
_UNSPACED = frozenset({"CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR"})


def script(char: str) -> str:
    """The script of a letter, such as ``LATIN``, ``CJK`` or ``THAI``: the first word of its Unicode name."""
    return unicodedata.name(char, "").partition(" ")[0]


def is_unspaced_script(char: str) -> bool:
    """Whether the character's script has no spaces between words."""
    return char > "\u0dff" and script(char) in _UNSPACED


def language_of(text: str) -> str | None:
    """The most common language of the text's main script; ``None`` for Latin, which hundreds of languages use."""
    languages = _LANGUAGES.get(_main_script(text) or "")
    return languages.partition(" ")[0] if languages else None


def languages_written_like(text: str, languages: Collection[str]) -> frozenset[str]:
    """Those of ``languages`` (primary languages) that use the script of most of the text's letters."""
    letters = _main_script(text)
    if letters is None:
        return frozenset()
    if letters in _LANGUAGES:
        return frozenset(_LANGUAGES[letters].split()).intersection(languages)
    return frozenset(languages) - _NOT_LATIN if letters == "LATIN" else frozenset()


def scripts_of(language: str) -> frozenset[str] | None:
    """The scripts that a voice of this language (BCP 47) reads, always with Latin; ``None`` if the tag is empty."""
    if not language:
        return None
    main = primary_language(language)
    return frozenset({"LATIN", *(name for name, languages in _LANGUAGES.items() if main in languages.split())})


def _main_script(text: str) -> str | None:
    if text.isascii():
        return "LATIN" if any(map(str.isalpha, text)) else None
    letters = Counter(script(char) for char in text if char.isalpha())
    if not letters:
        return None
    # Japanese mixes CJK characters, which Chinese uses too, with two scripts of its own.
    if letters["CJK"] and letters["HIRAGANA"] + letters["KATAKANA"]:
        return "HIRAGANA"
    return letters.most_common(1)[0][0]
