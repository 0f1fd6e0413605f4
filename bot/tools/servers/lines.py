"""Splits a program's output into lines of a limited length. Pure logic."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_LINE = 1 << 20
"""Maximum number of bytes of a line. A longer one is dropped while it comes in."""
_END = 256
"""In a line that is too long, the id of its request is looked for in this many bytes at the beginning and at the
end."""
_ID_FIRST = re.compile(rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15})\s*,')
_ANSWER = re.compile(rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"result"\s*:')
_ID_LAST = re.compile(rb'"id"\s*:\s*(\d{1,15})\s*\}\s*$')


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line that is dropped.

    Attributes:
        request: the id of the request that the line answers; ``None`` if it is not known.
        ended: whether the line has ended. A line that is reported before its end is an answer. If ``request`` is not
            known by then, the end of the line may show it.
    """

    request: int | None
    ended: bool = True


class LineSplitter:
    """Cuts bytes into lines. It never holds more than :data:`MAX_LINE` bytes and one piece.

    An answer that is too long is reported at once. If its first bytes do not say which request it answers, it is
    reported again at its end. Other lines that are too long are reported at their ends.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._told = False
        self.dropping = False
        """Whether the line that comes in is too long."""
        self.dropped = 0
        """Number of bytes that were dropped of the line that comes in."""

    def feed(self, piece: bytes) -> Iterator[bytes | TooLong]:
        """Take the next piece of the output, and yield the lines that end in it, without their line ends."""
        *ended, rest = piece.split(b"\n")
        for end in ended:
            yield from self._take(end)
            yield from self._whole()
        yield from self._take(rest)

    def _take(self, part: bytes) -> Iterator[TooLong]:
        self._line += part
        if not self.dropping and len(self._line) > MAX_LINE:
            self.dropping = True
            begin = bytes(self._line[:_END])
            if found := _ID_FIRST.match(begin):
                self._told = True
                yield TooLong(int(found[1]), ended=False)
            elif _ANSWER.match(begin):
                yield TooLong(None, ended=False)
        if self.dropping:
            self.dropped += max(len(self._line) - _END, 0)
            del self._line[:-_END]

    def _whole(self) -> Iterator[bytes | TooLong]:
        line, too_long, told = bytes(self._line), self.dropping, self._told
        self._line.clear()
        self._told, self.dropping, self.dropped = False, False, 0
        if not too_long:
            yield line.strip()
        elif not told:
            found = _ID_LAST.search(line)
            yield TooLong(int(found[1]) if found else None)
