"""Removes the mark with which a model names its mood: ``[mood: sad]`` at the head of a reply."""

from __future__ import annotations

from collections.abc import Iterable

import regex

MAX_NAME = 60
"""Longest name in a mark, in characters. A longer one is no mark, so that little text is ever withheld."""
_SPACE = r"[^\S\r\n]{0,3}"
_NAME = rf"(?P<name>[^\[\]［］\s][^\[\]［］\r\n]{{0,{MAX_NAME - 1}}}?)"
_MARK = regex.compile(rf"[\[［]{_SPACE}mood{_SPACE}[:：]{_SPACE}{_NAME}{_SPACE}[\]］]", regex.IGNORECASE)


def mark_of(mood: str) -> str | None:
    """The mark that names a mood; ``None`` if no mark can name it, because the name is too long or has brackets."""
    mark = f"[mood: {mood}]"
    found = _MARK.fullmatch(mark)
    return mark if found is not None and found["name"] == mood else None


class MoodFilter:
    """Removes marks at the head of a reply. Implements :class:`~bot.llm.filters.chain.TextFilter`.

    What only looks like the beginning of a mark is withheld until it can't be one any more, and then let through whole.
    White space at the head is dropped. Marks further on are ordinary text.

    Attributes:
        mood: the name in the first mark, as the model wrote it; ``None`` without a mark.
    """

    ended = False

    def __init__(self) -> None:
        self.mood: str | None = None
        self._held = ""
        self._at_head = True

    @property
    def holds(self) -> bool:
        """Whether text is withheld that may be the beginning of a mark."""
        return bool(self._held)

    def feed(self, text: str) -> Iterable[str]:
        """Take the next piece; returns the text that is ready."""
        if not self._at_head:
            return [text]
        self._held = (self._held + text).lstrip()
        while self._held:
            found = _MARK.match(self._held, partial=True)
            if found is None:
                self._at_head = False
                return self.finish()
            if found.partial:
                break
            self.mood = self.mood or found["name"]
            self._held = self._held[found.end() :].lstrip()
        return []

    def finish(self) -> Iterable[str]:
        """End the reply; returns the withheld text, which is no mark."""
        rest, self._held = self._held, ""
        return [rest]
