"""Where a text is code in Markdown's sense: between backticks a mark of thought is something that is talked about."""

from __future__ import annotations


class CodeSpans:
    """Follows a text, and knows whether its end stands in a code block or in code within a line."""

    def __init__(self) -> None:
        self._in_block = False
        self._in_line = False
        self._ticks = 0

    def feed(self, text: str) -> None:
        """Take the next piece of the text."""
        if "`" not in text and not self._ticks and not self._in_line:
            return
        for character in text:
            if character == "`":
                self._ticks += 1
                continue
            self._settle()
            if character == "\n":
                self._in_line = False

    @property
    def inside(self) -> bool:
        """Whether what comes next is code."""
        self._settle()
        return self._in_block or self._in_line

    def _settle(self) -> None:
        if self._ticks >= 3:
            self._in_block = not self._in_block
            self._in_line = False
        elif self._ticks and not self._in_block:
            self._in_line = not self._in_line
        self._ticks = 0
