"""Which language a text is in, as far as its script tells."""

from __future__ import annotations

from collections import Counter

from tts_server.text.marks import script

_LANGUAGES = {
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",
    "HANGUL": "ko",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "ARABIC": "ar",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "BENGALI": "bn",
    "TAMIL": "ta",
    "TELUGU": "te",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "THAI": "th",
    "MYANMAR": "my",
    "GEORGIAN": "ka",
    "ARMENIAN": "hy",
    "ETHIOPIC": "am",
}


def language_of(text: str) -> str | None:
    """The main language of the script most of ``text``'s letters are in; ``None`` for Latin, which serves hundreds."""
    letters = Counter(script(char) for char in text if char.isalpha())
    if not letters:
        return None
    # Japanese is written in three scripts, and one of them is Chinese.
    if letters["CJK"] and letters["HIRAGANA"] + letters["KATAKANA"]:
        return "ja"
    return _LANGUAGES.get(letters.most_common(1)[0][0])
