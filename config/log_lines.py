"""How the programs write their logs: one format for all of them, which a terminal shows without broken words."""

from __future__ import annotations

import logging
import os
import re
import textwrap
from typing import TextIO

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
TIMES = "%Y-%m-%d %H:%M:%S"
"""Of the local time zone."""
_INDENT = "    "
_COMMAND = re.compile(r"`[^`\n]+`")
_GLUE = "\N{NO-BREAK SPACE}"


def formatter_for(stream: TextIO) -> logging.Formatter:
    """Whole lines for a file and for the journal; for a terminal, lines that end between words."""
    return _TerminalLines(stream) if stream.isatty() else logging.Formatter(FORMAT, TIMES)


def fold(text: str, width: int) -> str:
    """Break lines between words, and not in a command between backticks, so that it can be copied.

    Args:
        text: one line or several.
        width: columns of the terminal. A word or a command that is longer is left to the terminal.
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

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line without the traceback, which stays as it is."""
        line = super().formatMessage(record)
        try:
            columns = os.get_terminal_size(self._terminal.fileno()).columns
        except (OSError, ValueError):
            return line
        # One column is left for signs that are wider than they count. A terminal that does not know its size says 0.
        return fold(line, columns - 1) if columns > 2 * len(_INDENT) else line
