"""Logging to stderr, which may be the terminal that the live console prints to."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Callable

import aiohttp
import discord

from bot.discord_errors import discord_error_text
from config.json_log import LogFormat, log_everything_as_json
from config.log_lines import formatter_for
from config.uncaught_errors import log_uncaught_errors

_FALSE_WARNING = "Can't keep up"
"""Start of discord.py's warning that a heartbeat was answered late.

The warning is often wrong: on a fast connection, the answer may come before discord.py has noted when it sent the
heartbeat.
"""

_RECONNECT = "Attempting a reconnect in %.2fs"
"""The message with which discord.py logs each failed attempt to connect, with a traceback."""
_CONNECTION_LOST = (
    aiohttp.ClientConnectionError,
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    discord.ConnectionClosed,
)


def log_to_stderr(
    *,
    verbose: bool,
    before_each: Callable[[], None] = lambda: None,
    kind: LogFormat = LogFormat.TEXT,
    several_calls: bool = False,
) -> None:
    """Set up the root logger to log to stderr.

    Args:
        verbose: whether libraries are logged at DEBUG level, and connection errors with full tracebacks.
        before_each: called before each line. It ends an unfinished line of the console.
        kind: how lines look. With JSON, nothing else is printed to stderr from here on.
        several_calls: whether several calls may be on at once. If so, lines for people name the call.
    """
    handler = _Handler(before_each)
    handler.setFormatter(formatter_for(sys.stderr, kind, several_calls=several_calls))
    if not verbose:
        handler.addFilter(ConnectionErrorFilter())
        handler.addFilter(lambda record: not str(record.msg).startswith(_FALSE_WARNING))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    if kind is LogFormat.JSON:
        log_everything_as_json()
    else:
        log_uncaught_errors()
    # At INFO level, discord.py logs every heartbeat and reconnect, and the scheduler logs every entry.
    for library in ("discord", "apscheduler", "gguf"):
        logging.getLogger(library).setLevel(logging.DEBUG if verbose else logging.WARNING)
    # These libraries would log addresses and answers of MCP servers, which may hold secrets. What goes wrong is logged
    # by the bot. "client" is the name that mcp gives to the log of its client.
    for library in ("httpx2", "httpx", "mcp", "client"):
        logging.getLogger(library).setLevel(logging.CRITICAL)


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    def __init__(self, before_each: Callable[[], None]) -> None:
        super().__init__(sys.stderr)
        self._before_each = before_each

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        self._before_each()
        super().emit(record)


class ConnectionErrorFilter(logging.Filter):
    """Log filter for a handler: in records of connection errors, replaces the traceback by the reason in words."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten records of connection errors. Always returns True, so that all records are logged."""
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, Exception):
            return True
        if record.msg == _RECONNECT and isinstance(record.args, tuple):
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.msg = "Discord can't be reached: %s; trying again in %.0f s"
            record.args = (discord_error_text(error), *record.args)
        elif isinstance(error, _CONNECTION_LOST):
            record.msg, record.args = "%s: %s", (record.getMessage().rstrip("."), discord_error_text(error))
        else:
            return True
        record.exc_info = record.exc_text = None
        return True
