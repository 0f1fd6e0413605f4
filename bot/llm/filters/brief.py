"""Keeps the answers of small models short, since such models continue until they repeat themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import regex

ENOUGH_WORDS = 20
"""Once an answer has this many words, it ends at the next end of a sentence."""
MAX_WORDS = 40
"""Maximum number of words in an answer."""
_LONG_SENTENCE_WORDS = 26
"""If the first sentence has more words than this, it is ended at the next comma or similar mark."""
_PHRASE_WORDS = 4
"""Length, in words, of the phrases whose repetitions are counted to find loops."""
_LOOP_REPETITIONS = 3
"""If the same phrase comes this many times, the text is in a loop.

If this happens in the first sentence, the text is cut before the word that would complete the phrase for the third
time, and the reply ends there. A later sentence is dropped as a whole.
"""

_END = regex.compile(r"[.!?…]+[\"'”’»)\]*]*(?=\s)|[。！？]+[」』”）]*")
_ENDED = regex.compile(r"[.!?…。！？][\"'”’»)\]*」』）]*$")
_CLAUSE = regex.compile(r"[,;:，；：、]|\s[-–—](?=\s)")
_PIECE = regex.compile(r"\s*(?:\S*?\p{L}[,;]|\S+)|\s+$")
"""A piece of the first sentence that is let through as a whole: the text up to the next space, or up to a comma or
semicolon after a letter, whichever comes first.
"""
_CLAUSE_READY = regex.compile(r"\p{L}[,;]$")
_LETTERS = r"\p{Han}\p{Hiragana}\p{Katakana}"
_WORD = regex.compile(rf"[{_LETTERS}]{{1,2}}|[^\s{_LETTERS}]*[\p{{L}}\p{{N}}][^\s{_LETTERS}]*")
"""A word. In scripts without spaces between words, two characters count as one word."""


class BriefFilter:
    """Ends a reply within 40 words. Implements :class:`~bot.llm.filters.chain.TextFilter`.

    The first sentence is let through as it arrives, and the space behind it too, even if nothing more is said. It is
    broken off if it gets too long or repeats itself. Each further sentence is withheld until it is complete. In these
    cases it is dropped, and the reply ends:

    - The reply would get too long.
    - The sentence repeats an earlier sentence, or contains a loop.
    - The line ends before the sentence does.
    - The token limit is reached before the sentence ends.

    If the reply ends without punctuation, a full stop is added, or "…" if its first sentence was broken off within a
    clause. The end of a line ends the reply too, because what follows is usually a list, or a line that the model
    invents for another person.
    """

    def __init__(self) -> None:
        self.ended = False
        self._held = ""
        self._sentence = ""
        """The part of the first sentence that was let through; "" after its end."""
        self._said: list[str] = []
        """The complete sentences that were let through, as :func:`_comparable` text."""
        self._words = 0
        """Number of words that were let through."""
        self._phrases: Counter[tuple[str, ...]] = Counter()
        self._lately: tuple[str, ...] = ()
        """The last words, at most ``_PHRASE_WORDS`` of them."""
        self._cut_off = False

    def cut_off(self) -> None:
        """Report that the token limit ended the reply, and that its last sentence is therefore incomplete."""
        self._cut_off = True

    @property
    def holds(self) -> bool:
        """Whether some text is withheld and may still be let through."""
        return bool(self._held.strip())

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece; returns the text that is ready."""
        self._held += text
        said: list[str] = []
        while not self.ended and (part := self._next_part()) is not None:
            said.append(part)
        return said

    def finish(self) -> Iterable[str]:
        """End the reply; returns the rest of its text."""
        rest, self._held = self._held.rstrip(), ""
        if self.ended:
            return []
        said = self._end_text(rest)
        self.ended = True
        return [said]

    def _end_text(self, rest: str) -> str:
        if not self._said:
            return self._end_first_sentence(rest)
        return "" if self._cut_off or not rest.strip() else self._let_sentence_through(rest)

    def _next_part(self) -> str | None:
        """The next part of the withheld text that can be let through; ``None`` if more text is needed."""
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
        if self._said:
            return self._let_sentence_through(text)
        said = self._end_first_sentence(text)
        if self.ended or not self._held.startswith(" "):
            return said
        # The voice waits for this space: only then does it know that the full stop ends the sentence.
        self._held = self._held[1:]
        return f"{said} "

    def _take_line(self, length: int) -> str:
        text, self._held = self._held[:length], self._held[length + 1 :]
        said = "" if self._said else self._end_first_sentence(text)
        self.ended = self.ended or bool(self._said)
        return said

    def _let_sentence_through(self, sentence: str) -> str:
        """Let a sentence after the first one through. If it does not fit, end the reply and return ""."""
        words = _WORD.findall(sentence)
        if (
            self._words + len(words) > MAX_WORDS
            or _comparable(sentence) in self._said
            or not self._count_phrases(words)
        ):
            self.ended = True
            return ""
        return self._end_sentence(sentence, sentence, len(words))

    def _take_words(self) -> str | None:
        """Take the complete words of the first sentence. The last word is left, because it may be incomplete.

        If the text ends with a comma or semicolon, its last word is complete and is taken too. The voice speaks whole
        clauses, so it can begin with this one at once.
        """
        whole = len(self._held) if _CLAUSE_READY.search(self._held) else max(self._held.rfind(" "), 0)
        ready = self._held[:whole]
        if not ready.strip():
            return None
        self._held = self._held[whole:]
        return self._let_words_through(ready)

    def _end_first_sentence(self, rest: str) -> str:
        """Let the rest of the first sentence through, as far as it fits."""
        said = self._let_words_through(rest)
        if self.ended or not self._sentence.strip():
            return said
        return self._end_sentence(self._sentence, said, 0)

    def _let_words_through(self, text: str) -> str:
        """Let text of the first sentence through, but end the sentence before it gets too long or repeats itself."""
        said = ""
        for piece in _PIECE.findall(text):
            words = _WORD.findall(piece)
            if self._words + len(words) > MAX_WORDS or not self._count_phrases(words):
                return self._break_off(said)
            self._words += len(words)
            self._sentence += piece
            said += piece
            if self._words > _LONG_SENTENCE_WORDS and (found := _CLAUSE.search(piece)) and found.end() == len(piece):
                return self._break_off(said)
        return said

    def _break_off(self, said: str) -> str:
        self.ended = True
        if _ENDED.search(self._sentence.rstrip()):
            return said
        # Text that was let through before can't be changed any more, so punctuation is removed only from ``said``.
        bare = regex.sub(r"[\s,;:，；：、–—-]+$", "", said)
        return f"{bare}." if _CLAUSE.search(said[len(bare) :]) else f"{bare}…"

    def _end_sentence(self, sentence: str, said: str, words: int) -> str:
        self._words += words
        self._said.append(_comparable(sentence))
        self._sentence = ""
        self.ended = self.ended or self._words >= ENOUGH_WORDS
        text = said.rstrip()
        if not _ENDED.search(sentence.rstrip()):
            # A comma that was let through earlier can't be replaced any more.
            end = "." if text or not _CLAUSE_READY.search(sentence) else "…"
            text = regex.sub(r"[,;:，；：、–—-]+$", "", text) + end
        return text

    def _count_phrases(self, words: Iterable[str]) -> bool:
        """Add these words one by one. After each, count the phrase that the last ``_PHRASE_WORDS`` words form.

        Returns:
            False if one of the phrases occurs too often.
        """
        for word in words:
            self._lately = (*self._lately, _comparable(word))[-_PHRASE_WORDS:]
            if len(self._lately) == _PHRASE_WORDS:
                self._phrases[self._lately] += 1
                if self._phrases[self._lately] >= _LOOP_REPETITIONS:
                    return False
        return True


def _comparable(text: str) -> str:
    """The text for comparison: only its letters and digits, without case."""
    return " ".join(regex.findall(r"[\p{L}\p{N}]+", text.casefold()))
