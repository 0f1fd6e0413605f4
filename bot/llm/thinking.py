"""Remembers whether a model's replies begin inside a thought.

Some chat templates end with an opening tag such as ``<think>``. The reply then begins with the model's thought, and
contains only the closing tag.
"""

from __future__ import annotations

import logging

_log = logging.getLogger(__name__)

_MAX_ASKS = 3
"""Maximum number of attempts to ask a server about its template, if it does not answer."""
_FORGET_AFTER = 2
"""If this many complete replies in a row have no lone closing tag, replies are no longer withheld.

A lone closing tag is one without its opening tag.
"""


class ThinkingHabit:
    """Remembers whether the replies of one model on one server begin inside a thought.

    Such a thought has no opening tag in the reply, so its beginning looks like an answer. Once a reply has begun like
    this, the next replies are withheld until the closing tag comes.
    """

    def __init__(self) -> None:
        self.begins_inside = False
        self.goes_on = False
        """Whether thoughts continue in the text, although the server also sends thoughts in a separate field."""
        self.known = False
        """Whether the habit is known, from the server, its template or a reply."""
        self._asks_left = _MAX_ASKS
        self._without_mark = 0

    def may_ask(self) -> bool:
        """Whether to ask the server about its template now. Each call counts as an attempt."""
        self._asks_left -= 1
        return self._asks_left >= 0 and not self.known

    def template_says(self, begins_inside: bool | None) -> None:
        """Learn from the server's template. ``None`` means that the server can't tell, so it is not asked again."""
        self._asks_left = 0
        if begins_inside is not None and not self.known:
            self.known, self.begins_inside = True, begins_inside

    def began_inside(self, *, went_on: bool = False) -> None:
        """Learn from a reply with a lone closing tag, that is, a closing tag without an opening tag.

        Args:
            went_on: whether the server also sent thoughts in a separate field during this reply.
        """
        if not self.begins_inside:
            _log.info("The model begins its replies inside a thought: they are withheld until the thought is closed")
        self.known = self.begins_inside = True
        self.goes_on = self.goes_on or went_on
        self._without_mark = 0

    def began_outside(self) -> None:
        """Learn from a complete reply without a lone closing tag."""
        self.known = True
        self._without_mark += 1
        if self.begins_inside and self._without_mark >= _FORGET_AFTER:
            self.begins_inside = self.goes_on = False
            self._without_mark = 0
