"""Short answers that end: for small models, which go on until they repeat themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import regex

ENOUGH_WORDS = 20
"""A sentence that ends behind so many words is the last one."""
MOST_WORDS = 40
_FREE_WORDS = 26
"""Words of a first sentence that are said as they come; behind them it ends at its next clause."""
_PHRASE = 4
_TIMES = 3
"""A phrase of so many words that comes so often is a loop: the answer ends before it."""

_END = regex.compile(r"[.!?…]+[\"'”’»)\]*]*(?=\s)|[。！？]+[」』”）]*")
_ENDED = regex.compile(r"[.!?…。！？][\"'”’»)\]*」』）]*$")
_CLAUSE = regex.compile(r"[,;:，；：、]|\s[-–—](?=\s)")
_LETTERS = r"\p{Han}\p{Hiragana}\p{Katakana}"
_WORD = regex.compile(rf"[{_LETTERS}]{{1,2}}|[^\s{_LETTERS}]*[\p{{L}}\p{{N}}][^\s{_LETTERS}]*")
"""Where nothing stands between words, two characters count as one."""


class BriefFilter:
    """A :class:`~bot.llm.filters.chain.TextFilter` that ends a reply at the end of a sentence, within 40 words.

    The first sentence is said as it comes. A further one is held back until it is whole: it is dropped where it would
    be too much, where it was said already, and where it would never end. The end of a line is the end of the reply:
    what follows is a list, or somebody else's line.
    """

    def __init__(self) -> None:
        self.ended = False
        self._held = ""
        self._sentence = ""
        """What was said of the first sentence, while it has not ended."""
        self._said: list[str] = []
        self._words = 0
        self._phrases: Counter[tuple[str, ...]] = Counter()
        self._lately: tuple[str, ...] = ()
        self._cut_off = False

    def cut_off(self) -> None:
        """The reply ends because its tokens are used up: its last sentence is not whole."""
        self._cut_off = True

    @property
    def holds(self) -> bool:
        """Whether text is held back that may be said yet."""
        return bool(self._held.strip())

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece."""
        self._held += text
        said: list[str] = []
        while not self.ended and (part := self._next_part()) is not None:
            said.append(part)
        return said

    def finish(self) -> Iterable[str]:
        """The reply is over."""
        rest, self._held = self._held.rstrip(), ""
        if self.ended:
            return []
        said = self._last(rest)
        self.ended = True
        return [said]

    def _last(self, rest: str) -> str:
        if not self._said:
            return self._closing(rest)
        return "" if self._cut_off or not rest.strip() else self._whole(rest)

    def _next_part(self) -> str | None:
        """What can be said of the held text; ``None`` where that takes more of it."""
        if not self._said and not self._sentence:
            self._held = self._held.lstrip()
        found, line_end = _END.search(self._held), self._held.find("\n")
        if found is not None and (line_end < 0 or found.end() <= line_end):
            return self._take_sentence(found.end())
        if line_end >= 0:
            return self._take_line(line_end)
        return None if self._said else self._take_words()

    def _take_sentence(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length:]
        return self._whole(text) if self._said else self._closing(text)

    def _take_line(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length + 1 :]
        said = "" if self._said else self._closing(text)
        self.ended = self.ended or bool(self._said)
        return said

    def _whole(self, sentence: str) -> str:
        """A sentence behind the first one, if it is to be said."""
        words = _WORD.findall(sentence)
        if self._words + len(words) > MOST_WORDS or _alike(sentence) in self._said or not self._follow(words):
            self.ended = True
            return ""
        return self._end_sentence(sentence, sentence, len(words))

    def _take_words(self) -> str | None:
        """Words of the first sentence, but for one that may go on."""
        whole = max(self._held.rfind(" "), 0)
        ready = self._held[:whole]
        if not ready.strip():
            return None
        self._held = self._held[whole:]
        return self._said_as_far(ready)

    def _closing(self, rest: str) -> str:
        """The rest of the first sentence, as far as it is to be said."""
        said = self._said_as_far(rest)
        if self.ended or not self._sentence.strip():
            return said
        return self._end_sentence(self._sentence, said, 0)

    def _said_as_far(self, text: str) -> str:
        """Say this much of the first sentence, or end it before it gets too long or goes in circles."""
        said = ""
        for piece in regex.findall(r"\s*\S+|\s+$", text):
            words = _WORD.findall(piece)
            if self._words + len(words) > MOST_WORDS or not self._follow(words):
                return self._break_off(said)
            self._words += len(words)
            self._sentence += piece
            said += piece
            if self._words > _FREE_WORDS and (found := _CLAUSE.search(piece)) and found.end() == len(piece):
                return self._break_off(said)
        return said

    def _break_off(self, said: str) -> str:
        self.ended = True
        if _ENDED.search(self._sentence.rstrip()):
            return said
        # What was said with an earlier piece can't be taken back.
        bare = regex.sub(r"[\s,;:，；：、–—-]+$", "", said)
        return f"{bare}." if _CLAUSE.search(said[len(bare) :]) else f"{bare}…"

    def _end_sentence(self, sentence: str, said: str, words: int) -> str:
        self._words += words
        self._said.append(_alike(sentence))
        self._sentence = ""
        self.ended = self.ended or self._words >= ENOUGH_WORDS
        text = said.rstrip()
        if not _ENDED.search(sentence.rstrip()):
            text = regex.sub(r"[,;:，；：、–—-]+$", "", text) + "."
        return text

    def _follow(self, words: Iterable[str]) -> bool:
        """Count the phrases that these words end; False where one of them comes too often."""
        for word in words:
            self._lately = (*self._lately, _alike(word))[-_PHRASE:]
            if len(self._lately) == _PHRASE:
                self._phrases[self._lately] += 1
                if self._phrases[self._lately] >= _TIMES:
                    return False
        return True


def _alike(text: str) -> str:
    """The text as it is compared: letters and digits alone."""
    return " ".join(regex.findall(r"[\p{L}\p{N}]+", text.casefold()))
