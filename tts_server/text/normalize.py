"""Prepares what was written for being heard. Works on whole segments: a token alone does not show what it means."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from config.pronunciations import Pronunciations
from languages.tags import main_part
from tts_server.text.abbreviations import expand_abbreviations
from tts_server.text.formulas import drop_formula_marks, read_formulas
from tts_server.text.lexicon import Diacritics, Introduction, any_of, lexicon_for
from tts_server.text.markup import ends_sentence, strip_markup
from tts_server.text.numerals import spell_numbers

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


def normalize(text: str, language: str, before: str = "", pronunciations: Pronunciations | None = None) -> str:
    """What is to be spoken of the segment ``text``; empty if there is nothing, as of an emoji alone.

    ``before`` is the segment that came before it in the reply.
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
    text = _LEADING.sub("", _BLANK_BEFORE_MARK.sub("", text))
    return text if any(char.isalnum() for char in text) else ""


def prepare(language: str) -> None:
    """Read what is known of a language, so that its first segment comes at once. Blocks for 50 ms: call it in a thread.

    Raises:
        LexiconError: its file is broken.
    """
    normalize("1 ", language)


def _audible(match: re.Match[str]) -> str:
    char = match[0]
    category = unicodedata.category(char)
    if category in ("Cc", "Cs", "Co", "Cn") or (category == "So" and char not in _SPOKEN_SYMBOLS):
        return " "
    if category == "Cf" and char not in _SHAPING:
        return ""
    return char


_GAP = re.compile(r"(?<=[^\W_])[ \u00a0]{2,}(?=[^\W_])")
_NEXT_WORD = re.compile(r"[^\W\d_]+")
_REMEMBERED = 64


def mark_gaps(text: str) -> str:
    """Two blanks between two words are a pause. For text as it was written: taking markup away leaves gaps as well."""
    return text if "  " not in text or "`" in text else _GAP.sub("... ", text)


def pause_after_introductions(text: str, language: str, begins_sentence: bool) -> str:
    """A comma after each word that introduces a sentence, as far as the language's file says so."""
    introductions = _introductions(main_part(language))
    return introductions.pause(text, begins_sentence) if introductions else text


class _Introductions:
    def __init__(self, introductions: list[Introduction]) -> None:
        self._by_word = {word.lower(): introduction for introduction in introductions for word in introduction.words}
        self._opening = re.compile(rf"(\A|[.!?…]\s+)({any_of(self._by_word)}) (?=[^\W\d_])", re.IGNORECASE)

    def pause(self, text: str, begins_sentence: bool) -> str:
        return self._opening.sub(lambda match: self._paused(match, begins_sentence), text)

    def _paused(self, match: re.Match[str], begins_sentence: bool) -> str:
        introduction = self._by_word[match[2].lower()]
        word = _NEXT_WORD.match(match.string, match.end())
        following = word[0].lower() if word else ""
        follows = following in introduction.before if introduction.before else following not in introduction.not_before
        return f"{match[1]}{match[2]}, " if follows and (match[1] or begins_sentence) else match[0]


@lru_cache(_REMEMBERED)
def _introductions(main: str) -> _Introductions | None:
    introductions = lexicon_for(main).introductions
    return _Introductions(introductions) if introductions else None


_WORD = re.compile(r"[^\W\d_]+")
_REMEMBERED = 64


def restore_diacritics(text: str, language: str) -> str:
    """``text`` with the marks that its language's file knows to be missing; as long as before, in the same case."""
    restorer = _restorer(main_part(language))
    return restorer.restore(text) if restorer else text


class _DiacriticRestorer:
    def __init__(self, marks: Diacritics) -> None:
        plain = str.maketrans(marks.letters)
        self._marked = {word.lower().translate(plain): word.lower() for word in marks.words}
        self._marked |= {word: word for word in map(str.lower, marks.keep)}
        self._by_head: dict[str, list[str]] = {}
        for phrase in sorted(self._marked, key=len, reverse=True):
            head = _WORD.match(phrase)
            self._by_head.setdefault(head[0] if head else phrase, []).append(phrase)

    def restore(self, text: str) -> str:
        lower = text.lower()
        if len(lower) != len(text):
            return text
        pieces, done = [], 0
        for word in _WORD.finditer(lower):
            if word.start() < done or word[0] not in self._by_head:
                continue
            end, phrase = self._phrase_at(lower, word.start())
            if phrase:
                pieces += [text[done : word.start()], _in_case(self._marked[phrase], text[word.start() : end])]
                done = end
        return "".join([*pieces, text[done:]]) if pieces else text

    def _phrase_at(self, lower: str, start: int) -> tuple[int, str | None]:
        head = _WORD.match(lower, start)
        for phrase in self._by_head[head[0]] if head else ():
            end = start + len(phrase)
            if lower.startswith(phrase, start) and not lower[end : end + 1].isalpha():
                return end, phrase
        return start, None


def _in_case(word: str, model: str) -> str:
    return "".join(letter.upper() if written.isupper() else letter for letter, written in zip(word, model, strict=True))


@lru_cache(_REMEMBERED)
def _restorer(main: str) -> _DiacriticRestorer | None:
    marks = lexicon_for(main).marks
    return _DiacriticRestorer(marks) if marks else None
