"""Thoughts that some models write into the reply itself: ``<think>…</think>``, taken out as the text streams."""

from __future__ import annotations

_OPEN = "<think>"
_CLOSE = "</think>"


class ThinkingFilter:
    """Passes on what is to be said and drops what was only thought, however the pieces are cut.

    White space before the first spoken word goes too: it stood between the thought and the reply.
    """

    def __init__(self) -> None:
        self._held = ""
        self._inside = False
        self._spoke = False

    def feed(self, piece: str) -> str:
        """Take the next piece; return what may be said by now, which may be nothing."""
        self._held += piece
        said = ""
        while True:
            mark = _CLOSE if self._inside else _OPEN
            before, found, after = self._held.partition(mark)
            if not found:
                break
            said += "" if self._inside else before
            self._inside = not self._inside
            self._held = after
        keep = _begun_mark(self._held, mark)
        if not self._inside:
            said += self._held[: len(self._held) - keep]
        self._held = self._held[len(self._held) - keep :]
        return self._spoken(said)

    def finish(self) -> str:
        """The reply is over: what was held back in case it began a mark, unless it belongs to a thought."""
        rest = "" if self._inside else self._held
        self._held = ""
        return self._spoken(rest)

    def _spoken(self, text: str) -> str:
        if not self._spoke:
            text = text.lstrip()
            self._spoke = bool(text)
        return text


def _begun_mark(text: str, mark: str) -> int:
    """How many characters at the end of ``text`` may be the beginning of ``mark``."""
    longest = min(len(text), len(mark) - 1)
    return next((size for size in range(longest, 0, -1) if mark.startswith(text[-size:])), 0)
