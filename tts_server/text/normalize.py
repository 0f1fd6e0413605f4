"""Text normalization: turns a written segment into the words that a voice is to speak.

It works on whole segments, because the meaning of a token depends on the text around it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from config.pronunciations import Pronunciations
from languages.tags import primary_language
from tts_server.text.abbreviations import expand_abbreviations
from tts_server.text.formulas import drop_formula_marks, read_formulas
from tts_server.text.lexicon import any_of, lexicon_for
from tts_server.text.lexicon_schema import Diacritics, Introduction
from tts_server.text.markup import ends_sentence, strip_markup
from tts_server.text.numerals import spell_numbers

# Joiners change the shape of letters in Persian and in Indian scripts. Other invisible characters have no effect.
_SHAPING = frozenset("\u200c\u200d")
_SPOKEN_SYMBOLS = frozenset("°©®™№")
_UNUSUAL = re.compile(r"[^\w\s!-/:-@\[-`{-~]|[^\S \n]")
_REPEATED_STOP = re.compile(r"([!?])[!?]+")
_LINE_END = re.compile(r"(?<=\w)[ \t]*\n\s*")
# "12345.Let me see": the space is missing, and a voice would read the full stop as "dot".
_GLUED_STOP = re.compile(r"(?<=[0-9])\.(?=[A-ZÀ-ÖØ-ÞА-ЯЁ](?:[^\W\d_A-Z]|['’ ]))")
# Punctuation at the start of a segment. It belongs to the end of the previous segment, for example if "?!" was cut in
# two, so it is removed. The sign in "-5" and the point in ".5" are kept.
_LEADING = re.compile(r"\A(?:[\s!?,;:)\]}»”’…—–\"']|[-.](?![$€£¥]?[0-9]))+")
_SPACE_BEFORE_PUNCTUATION = re.compile(r" +(?=[,.!?;:](?:\s|\Z))")
# Two or more spaces between two words.
_GAP = re.compile(r"(?<=[^\W_])[ \u00a0]{2,}(?=[^\W_])")
_WORD = re.compile(r"[^\W\d_]+")
_CACHED_LANGUAGES = 64


def normalize(text: str, language: str, before: str = "", pronunciations: Pronunciations | None = None) -> str:
    """Return the words to speak for one segment; empty if nothing can be spoken, as for an emoji alone.

    Args:
        text: the segment as the model wrote it.
        language: a BCP 47 tag.
        before: the previous segment of the same reply; it decides whether ``text`` begins a sentence.
        pronunciations: the operator's own spellings for some words.

    Raises:
        LexiconError: the language's file is broken.
    """
    begins_sentence = ends_sentence(before) or text.startswith("\n")
    text = read_formulas(mark_gaps(text), language)
    text = drop_formula_marks(strip_markup(text, lexicon_for(language).phrases, begins_sentence))
    text = _LEADING.sub("", _GLUED_STOP.sub(". ", text))
    text = pronunciations.apply(text) if pronunciations else text
    text = restore_diacritics(text, language)
    text = pause_after_introductions(text, language, begins_sentence)
    text = expand_abbreviations(text, language)
    text = spell_numbers(text, language)
    text = _LINE_END.sub(". ", text)
    text = _REPEATED_STOP.sub(r"\1", text)
    text = " ".join(_UNUSUAL.sub(_audible, text).split())
    text = _LEADING.sub("", _SPACE_BEFORE_PUNCTUATION.sub("", text))
    return text if any(char.isalnum() for char in text) else ""


def prepare(language: str) -> None:
    """Load the language's rules, so that its first segment does not wait for them.

    Blocks for about 50 ms: call it in a thread.

    Raises:
        LexiconError: the language's file is broken.
    """
    normalize("1 ", language)


def _audible(match: re.Match[str]) -> str:
    """Return the matched character if it can be spoken, else a space or nothing."""
    char = match[0]
    category = unicodedata.category(char)
    if category in ("Cc", "Cs", "Co", "Cn") or (category == "So" and char not in _SPOKEN_SYMBOLS):
        return " "
    if category == "Cf" and char not in _SHAPING:
        return ""
    return char


def mark_gaps(text: str) -> str:
    """Turn two or more spaces between words into "...", which a voice speaks as a pause.

    Call it before the markup is removed, because removing markup leaves double spaces too. Text with code in it is
    returned unchanged.
    """
    return text if "  " not in text or "`" in text else _GAP.sub("... ", text)


def pause_after_introductions(text: str, language: str, begins_sentence: bool) -> str:
    """Add a comma after introductory words such as "Unfortunately", as listed in the language's file."""
    introductions = _introductions(primary_language(language))
    return introductions.pause(text, begins_sentence) if introductions else text


class _Introductions:
    """The introductory words of one language."""

    def __init__(self, introductions: list[Introduction]) -> None:
        self._by_word = {word.lower(): introduction for introduction in introductions for word in introduction.words}
        self._opening = re.compile(rf"(\A|[.!?…]\s+)({any_of(self._by_word)}) (?=[^\W\d_])", re.IGNORECASE)

    def pause(self, text: str, begins_sentence: bool) -> str:
        return self._opening.sub(lambda match: self._paused(match, begins_sentence), text)

    def _paused(self, match: re.Match[str], begins_sentence: bool) -> str:
        introduction = self._by_word[match[2].lower()]
        word = _WORD.match(match.string, match.end())
        following = word[0].lower() if word else ""
        follows = following in introduction.before if introduction.before else following not in introduction.not_before
        return f"{match[1]}{match[2]}, " if follows and (match[1] or begins_sentence) else match[0]


@lru_cache(_CACHED_LANGUAGES)
def _introductions(main: str) -> _Introductions | None:
    introductions = lexicon_for(main).introductions
    return _Introductions(introductions) if introductions else None


def restore_diacritics(text: str, language: str) -> str:
    """Add the diacritics that people leave out and that a voice needs: Russian ``еще`` becomes ``ещё``.

    Only the words in the language's file are changed. The text keeps its length and its case.
    """
    restorer = _restorer(primary_language(language))
    return restorer.restore(text) if restorer else text


class _DiacriticRestorer:
    """The words and phrases of one language that need diacritics, found by their first word."""

    def __init__(self, diacritics: Diacritics) -> None:
        plain = str.maketrans(diacritics.letters)
        self._restored = {word.lower().translate(plain): word.lower() for word in diacritics.words}
        self._restored |= {word: word for word in map(str.lower, diacritics.keep)}
        self._by_first_word: dict[str, list[str]] = {}
        for phrase in sorted(self._restored, key=len, reverse=True):
            first = _WORD.match(phrase)
            self._by_first_word.setdefault(first[0] if first else phrase, []).append(phrase)

    def restore(self, text: str) -> str:
        lower = text.lower()
        if len(lower) != len(text):
            return text
        pieces, done = [], 0
        for word in _WORD.finditer(lower):
            if word.start() < done or word[0] not in self._by_first_word:
                continue
            end, phrase = self._phrase_at(lower, word.start())
            if phrase:
                pieces += [text[done : word.start()], _in_case_of(text[word.start() : end], self._restored[phrase])]
                done = end
        return "".join([*pieces, text[done:]]) if pieces else text

    def _phrase_at(self, lower: str, start: int) -> tuple[int, str | None]:
        """Return the end of the longest known phrase at ``start``, and the phrase itself, if there is one."""
        first = _WORD.match(lower, start)
        for phrase in self._by_first_word[first[0]] if first else ():
            end = start + len(phrase)
            if lower.startswith(phrase, start) and not lower[end : end + 1].isalpha():
                return end, phrase
        return start, None


def _in_case_of(written: str, restored: str) -> str:
    return "".join(new.upper() if old.isupper() else new for old, new in zip(written, restored, strict=True))


@lru_cache(_CACHED_LANGUAGES)
def _restorer(main: str) -> _DiacriticRestorer | None:
    diacritics = lexicon_for(main).diacritics
    return _DiacriticRestorer(diacritics) if diacritics else None
