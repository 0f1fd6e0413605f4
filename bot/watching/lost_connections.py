"""A log filter that replaces long tracebacks of connection errors by one line each."""

from __future__ import annotations

import logging
import socket

import aiohttp
import discord

from bot.discord_errors import discord_error_text

_RECONNECT = "Attempting a reconnect in %.2fs"
"""The message with which discord.py logs each failed attempt to connect, with a traceback."""
_CONNECTION_LOST = (
    aiohttp.ClientConnectionError,
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    discord.ConnectionClosed,
)


class OneLineEach(logging.Filter):
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
