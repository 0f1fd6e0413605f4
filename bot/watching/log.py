"""The log on standard error, which may be the terminal that the console prints to as well."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from bot.watching.lost_connections import OneLineEach
from config.log_lines import formatter_for

_BEHIND = "Can't keep up"
"""So discord.py begins a warning that it also gives when nothing is behind: on a fast connection it looks too late."""


def log_to_stderr(*, verbose: bool, before_each: Callable[[], None] = lambda: None) -> None:
    """Log there from now on.

    Args:
        verbose: with everything that the libraries tell, and tracebacks where a server can't be reached.
        before_each: called before each line; it ends one that something else has begun.
    """
    handler = _Handler(before_each)
    handler.setFormatter(formatter_for(sys.stderr))
    if not verbose:
        handler.addFilter(OneLineEach())
        handler.addFilter(lambda record: not str(record.msg).startswith(_BEHIND))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # discord.py tells every heartbeat and reconnect at INFO; the scheduler each entry, which the list shows.
    for library in ("discord", "apscheduler", "gguf"):
        logging.getLogger(library).setLevel(logging.DEBUG if verbose else logging.WARNING)


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    def __init__(self, before_each: Callable[[], None]) -> None:
        super().__init__(sys.stderr)
        self._before_each = before_each

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        self._before_each()
        super().emit(record)
