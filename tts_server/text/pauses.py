"""Pauses that people mean but do not write as marks: a gap between words, the breath after "Unfortunately"."""

from __future__ import annotations

import re
from functools import lru_cache

from languages.tags import main_part
from tts_server.text.lexicon import Introduction, lexicon_for
from tts_server.text.patterns import any_of

_GAP = re.compile(r"(?<=[^\W_])[ \u00a0]{2,}(?=[^\W_])")
_NEXT_WORD = re.compile(r"[^\W\d_]+")
_REMEMBERED = 64


def hear_gaps(text: str) -> str:
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
