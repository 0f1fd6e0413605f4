"""Remembers which phone calls Twilio has announced. So nobody can repeat an announcement, not even after a restart."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from pathlib import Path

from bot.bounded_lines import BoundedLines

FILE = "twilio_calls"
MAX_ANNOUNCED = 20_000
"""Number of phone calls that are remembered. Twilio's signatures have no date, so old ones stay valid."""
_DIGITS = 32
"""Length of a remembered id, in hexadecimal digits. It is a digest, so the file reveals nothing about phone calls."""
_LINE = _DIGITS + 1

_log = logging.getLogger(__name__)


class AnnouncedCalls:
    """The announced phone calls, in memory and in a file. Use it on the event loop.

    If the file can't be read or written, that is logged, and phone calls are remembered until the end of the program.

    Args:
        file: the file; ``None`` for none.
        most: how many phone calls are remembered. The file has at most twice as many.
    """

    def __init__(self, file: Path | None, most: int = MAX_ANNOUNCED) -> None:
        self._file = file
        self._lines = BoundedLines(file, 2 * most * _LINE) if file is not None else None
        self._most = most
        self._known: OrderedDict[str, None] = OrderedDict()

    async def load(self) -> None:
        """Read the file."""
        if self._lines is None:
            return
        try:
            lines = await self._lines.read()
        except OSError as error:
            self._complain(error)
            return
        for line in lines[-self._most :]:
            if len(line) == _DIGITS:
                self._known[line.decode("ascii", "replace")] = None

    async def add(self, sid: str) -> bool:
        """Note that a phone call was announced. Returns False if it was announced before."""
        digest = hashlib.sha256(sid.encode()).hexdigest()[:_DIGITS]
        if digest in self._known:
            return False
        self._known[digest] = None
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        if self._lines is not None:
            try:
                await self._lines.append(digest.encode())
            except OSError as error:
                self._complain(error)
        return True

    def _complain(self, error: OSError) -> None:
        _log.warning("The phone calls of Twilio can't be remembered in %s: %s", self._file, error.strerror or error)
