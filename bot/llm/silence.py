"""Silence: what a model answers when a line is not for it."""

from __future__ import annotations

SILENT = "<silent>"
"""The whole answer of a model that has nothing to say."""
SILENCE_RULE = (
    f"- When people talk among themselves and a line is not for you, your whole answer is {SILENT} and nothing else."
)
"""The rule that has a model answer with :data:`SILENT`. Small models don't get it: they would be silent too often."""


class SilenceFilter:
    """Holds back the beginning of an answer as long as the whole answer may turn out to be :data:`SILENT`.

    Attributes:
        silent: whether the answer has ended, and the model has nothing to say.
    """

    def __init__(self) -> None:
        self.silent = False
        self._held = ""
        self._decided = False

    def feed(self, text: str) -> str:
        """Take the next piece of the answer; returns the text that is certainly to be said."""
        if self._decided:
            return text
        self._held += text
        if SILENT.startswith(self._held.strip()):
            return ""
        return self._release()

    def restart(self) -> None:
        """Begin again: the text so far was no part of the answer."""
        self._held, self._decided = "", False

    def end(self) -> str:
        """End the answer; returns the rest of its text."""
        self.silent = not self._decided and self._held.strip() == SILENT
        return "" if self.silent else self._release()

    def _release(self) -> str:
        self._decided, held, self._held = True, self._held, ""
        return held
