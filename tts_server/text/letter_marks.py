"""Marks on letters that people leave out and a voice needs, where there is no doubt: Russian ``еще`` is ``ещё``."""

from __future__ import annotations

import re
from functools import lru_cache

from languages.tags import main_part
from tts_server.text.lexicon import Marks, lexicon_for

_WORD = re.compile(r"[^\W\d_]+")
_REMEMBERED = 64


def restore_marks(text: str, language: str) -> str:
    """``text`` with the marks that its language's file knows to be missing; as long as before, in the same case."""
    restorer = _restorer(main_part(language))
    return restorer.restore(text) if restorer else text


class _Restorer:
    def __init__(self, marks: Marks) -> None:
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
def _restorer(main: str) -> _Restorer | None:
    marks = lexicon_for(main).marks
    return _Restorer(marks) if marks else None
