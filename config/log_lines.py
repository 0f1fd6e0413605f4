"""Log format of all programs. On a terminal, long lines are wrapped between words.

A record begins at the left edge, and all of its further lines are indented. So no text from outside, such as a person's
name or a server's error, can add a line that looks like a record of its own.
"""

from __future__ import annotations

import logging
import os
import re
import textwrap
from typing import TextIO

from typing_extensions import override

from config.control_characters import indent_further_lines
from config.json_log import CALL, JsonLines, LogFormat, message_of, short_id

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_FORMAT_IN_CALL = "%(asctime)s %(levelname)-7s [%(call)s] %(name)s: %(message)s"
"""Format of a record that belongs to a call, if several calls may be on at once."""
TIMES = "%Y-%m-%d %H:%M:%S"
"""Time format, in local time."""
_INDENT = "    "
_COMMAND = re.compile(r"`[^`\n]+`")
_GLUE = "\N{NO-BREAK SPACE}"


def formatter_for(
    stream: TextIO, kind: LogFormat = LogFormat.TEXT, *, several_calls: bool = False
) -> logging.Formatter:
    """A log formatter: JSON, or else whole lines for files and the journal, and wrapped lines for a terminal.

    Args:
        several_calls: whether several calls may be on at once. If so, lines for people name their call.
    """
    if kind is LogFormat.JSON:
        return JsonLines()
    return _TerminalLines(stream, several_calls) if stream.isatty() else TextLines(several_calls)


def leave_out_log(package: str) -> None:
    """Print no log lines of a package, in a program that shows its findings itself and sets up no log.

    Otherwise Python would print the package's warnings between the findings.
    """
    logging.getLogger(package).addHandler(logging.NullHandler())


def fold(text: str, width: int) -> str:
    """Wrap lines between words. A command in backticks is kept on one line if it fits, so that it can be copied.

    Args:
        text: one line or several.
        width: columns of the terminal. A longer word is not broken.
    """

    def glued(command: re.Match[str]) -> str:
        fits = len(command[0]) <= width - len(_INDENT)
        return command[0].replace(" ", _GLUE) if fits else command[0]

    kept = _COMMAND.sub(glued, text)
    lines = [
        textwrap.fill(line, width, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False)
        for line in kept.split("\n")
    ]
    return "\n".join(lines).replace(_GLUE, " ")


class TextLines(logging.Formatter):
    """A log formatter for people."""

    def __init__(self, several_calls: bool) -> None:
        super().__init__(FORMAT, TIMES)
        self._several_calls = several_calls

    @override
    def format(self, record: logging.LogRecord) -> str:
        record.message = message_of(record)
        record.asctime = self.formatTime(record, self.datefmt)
        call = CALL.get() if self._several_calls else None
        parts = [
            self.formatMessage(record) if call is None else _FORMAT_IN_CALL % {**vars(record), "call": short_id(call)}
        ]
        if record.exc_info and record.exc_info[1] is not None:
            parts.append(self.formatException(record.exc_info))
        elif record.exc_text:
            parts.append(record.exc_text)
        if record.stack_info:
            parts.append(self.formatStack(record.stack_info))
        first, *others = (indent_further_lines(part, _INDENT) for part in parts)
        return "".join([self._shown(first), *(f"\n{_INDENT}{part}" for part in others)])

    def _shown(self, text: str) -> str:
        """The message's lines as they are shown."""
        return text


class _TerminalLines(TextLines):
    def __init__(self, terminal: TextIO, several_calls: bool) -> None:
        super().__init__(several_calls)
        self._terminal = terminal

    @override
    def _shown(self, text: str) -> str:
        try:
            columns = os.get_terminal_size(self._terminal.fileno()).columns
        except (OSError, ValueError):
            return text
        # One column stays free, since some characters are wider than counted. Terminals of unknown size report 0.
        return fold(text, columns - 1) if columns > 2 * len(_INDENT) else text
