"""Whether the replies of a model on a server begin inside a thought, as far as that is known."""

from __future__ import annotations

import logging

_log = logging.getLogger(__name__)

_ASKS = 3
"""How often a server that does not answer is asked for its template."""
_PATIENCE = 2
"""Whole replies in a row without a closing mark, after which a server is no longer taken to begin inside a thought."""


class ThinkingHabit:
    """What is known of one model on one server.

    Some chat templates open the thought themselves; the reply then has the closing mark only, and what stands before it
    can't be told from an answer. So it is remembered that a reply began so, and the next ones are withheld until their
    thought is closed.
    """

    def __init__(self) -> None:
        self.begins_inside = False
        self.goes_on = False
        """Whether that was in a reply whose thoughts came apart, too: they go on in its text."""
        self.known = False
        """Whether anything has told: the server, its template, or a reply."""
        self._asks_left = _ASKS
        self._without_mark = 0

    def may_ask(self) -> bool:
        """Whether to ask the server for its template, which counts as asking."""
        self._asks_left -= 1
        return self._asks_left >= 0 and not self.known

    def template_says(self, begins_inside: bool | None) -> None:
        """The server was asked for its template; ``None`` says that it knows of no such thing."""
        self._asks_left = 0
        if begins_inside is not None and not self.known:
            self.known, self.begins_inside = True, begins_inside

    def began_inside(self, *, went_on: bool = False) -> None:
        """A reply closed a thought that nothing had opened; ``went_on``: it had come apart up to there."""
        if not self.begins_inside:
            _log.info("The model begins its replies inside a thought: they are withheld until the thought is closed")
        self.known = self.begins_inside = True
        self.goes_on = self.goes_on or went_on
        self._without_mark = 0

    def began_outside(self) -> None:
        """A whole reply closed no thought that nothing had opened."""
        self.known = True
        self._without_mark += 1
        if self.begins_inside and self._without_mark >= _PATIENCE:
            self.begins_inside = self.goes_on = False
            self._without_mark = 0
