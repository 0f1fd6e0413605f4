"""Log format of all programs. On a terminal, long lines are wrapped between words."""

from __future__ import annotations

import logging
import os
import re
import textwrap
from typing import TextIO

from typing_extensions import override

from config.json_log import JsonLines, LogFormat

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
TIMES = "%Y-%m-%d %H:%M:%S"
"""Time format, in local time."""
_INDENT = "    "
_COMMAND = re.compile(r"`[^`\n]+`")
_GLUE = "\N{NO-BREAK SPACE}"


def formatter_for(stream: TextIO, kind: LogFormat = LogFormat.TEXT) -> logging.Formatter:
    """A log formatter: JSON, or else whole lines for files and the journal, and wrapped lines for a terminal."""
    if kind is LogFormat.JSON:
        return JsonLines()
    return _TerminalLines(stream) if stream.isatty() else logging.Formatter(FORMAT, TIMES)


def fold(text: str, width: int) -> str:
    """Wrap lines between words. Commands in backticks are kept together, so that they can be copied.

    Args:
        text: one line or several.
        width: columns of the terminal. A longer word or command is not broken.
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


class _TerminalLines(logging.Formatter):
    def __init__(self, terminal: TextIO) -> None:
        super().__init__(FORMAT, TIMES)
        self._terminal = terminal

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        try:
            columns = os.get_terminal_size(self._terminal.fileno()).columns
        except (OSError, ValueError):
            return line
        # One column stays free, since some characters are wider than counted. Terminals of unknown size report 0.
        return fold(line, columns - 1) if columns > 2 * len(_INDENT) else line
