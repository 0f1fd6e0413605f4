"""Logging to stderr, which may be the terminal that the live console prints to."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from bot.watching.lost_connections import OneLineEach
from config.log_lines import formatter_for

_BEHIND = "Can't keep up"
"""Start of a warning of discord.py. It is often wrong: on a fast connection, discord.py measures too late."""


def log_to_stderr(*, verbose: bool, before_each: Callable[[], None] = lambda: None) -> None:
    """Set up the root logger to log to stderr.

    Args:
        verbose: log libraries at DEBUG level, and full tracebacks of connection errors.
        before_each: called before each line. It ends an unfinished line of the console.
    """
    handler = _Handler(before_each)
    handler.setFormatter(formatter_for(sys.stderr))
    if not verbose:
        handler.addFilter(OneLineEach())
        handler.addFilter(lambda record: not str(record.msg).startswith(_BEHIND))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # At INFO level, discord.py logs every heartbeat and reconnect, and the scheduler logs every entry.
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
