"""Logs as JSON, one object a line, for programs that collect logs: ``LOG_FORMAT=json``."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

from typing_extensions import override

from config.uncaught_errors import log_uncaught_errors

CALL: ContextVar[str | None] = ContextVar("call", default=None)
"""Id of the call that the code works for."""
TURN: ContextVar[str | None] = ContextVar("turn", default=None)
"""Id of the turn that the code works for."""
LONGEST = 10_000
"""If a library prints this many characters without a line end, they become a line."""

_VARIABLE = "LOG_FORMAT"
_SHORT = 4


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


def short_id(call: str) -> str:
    """The beginning of a call's id, which tells calls apart in lines for people."""
    return call[:_SHORT]


class JsonLines(logging.Formatter):
    """A log formatter. Each record becomes one line of JSON in ASCII, with line ends escaped."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, str | None] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": message_of(record),
            "call": CALL.get(),
            "turn": TURN.get(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            fields["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            fields["exception"] = record.exc_text
        if record.stack_info:
            fields["stack"] = self.formatStack(record.stack_info)
        return json.dumps(fields)


def json_line(logger: str, level: int, message: str) -> str:
    """One log line as JSON, for messages that are printed before the log is set up."""
    return JsonLines().format(logging.LogRecord(logger, level, "", 0, message, (), None))


def message_of(record: logging.LogRecord) -> str:
    """The message of a record, even if its values do not fit it. `logging` would report that in several lines."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args!r}"


class StderrLines(io.TextIOBase):
    """A stand-in for ``sys.stderr`` that makes a log line of each line that is printed to it. Thread-safe.

    Args:
        stream: the real ``sys.stderr``, which log handlers write to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begun = ""
        self._lock = threading.RLock()

    @override
    def write(self, text: str) -> int:
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            if len(self._begun) > LONGEST:
                lines.append(self._begun)
                self._begun = ""
            told = "".join(f"{json_line('stderr', logging.WARNING, line)}\n" for line in lines if line.strip())
            if told:
                # If nobody reads its log any more, a program goes on, as with `logging`.
                with suppress(OSError, ValueError):
                    self._stream.write(told)
                    self._stream.flush()
        return len(text)

    @override
    def fileno(self) -> int:
        return self._stream.fileno()

    @override
    def isatty(self) -> bool:
        return self._stream.isatty()

    @override
    def writable(self) -> bool:
        return True


def chosen_by_environment() -> LogFormat:
    """The format that the environment names, for child processes and before settings are read."""
    return LogFormat.JSON if os.environ.get(_VARIABLE, "").strip().lower() == LogFormat.JSON else LogFormat.TEXT


def log_everything_as_json() -> None:
    """Turn what this process and its children print to stderr, besides their log, into log lines too.

    This concerns uncaught errors, warnings, and what libraries print. What code outside Python prints stays as it is.
    Call this after the log's handlers were made.
    """
    os.environ[_VARIABLE] = LogFormat.JSON.value
    sys.stderr = StderrLines(sys.stderr)
    logging.captureWarnings(capture=True)
    log_uncaught_errors()
