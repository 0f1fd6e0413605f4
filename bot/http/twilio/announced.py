"""Remembers which phone calls Twilio has announced. So nobody can repeat an announcement, not even after a restart."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections import OrderedDict
from pathlib import Path

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
        self._most = most
        self._known: OrderedDict[str, None] = OrderedDict()
        self._lines = 0
        self._begun = False
        self._writing = asyncio.Lock()

    async def load(self) -> None:
        """Read the file."""
        if self._file is None:
            return
        try:
            lines = (await asyncio.to_thread(_read, self._file, 2 * self._most * _LINE)).splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            self._complain(error)
            return
        self._lines = len(lines)
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
        if self._file is not None:
            async with self._writing:
                await self._write(self._file, digest)
        return True

    async def _write(self, file: Path, digest: str) -> None:
        try:
            if self._lines >= 2 * self._most:
                await asyncio.to_thread(_replace, file, "".join(f"{each}\n" for each in self._known))
                self._lines = len(self._known)
            else:
                # A crash may have left half a line at the end, which must not become a part of this one.
                await asyncio.to_thread(_append, file, f"{digest}\n" if self._begun else f"\n{digest}\n")
                self._begun = True
                self._lines += 1
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        _log.warning("The phone calls of Twilio can't be remembered in %s: %s", self._file, error.strerror or error)


def _read(file: Path, most: int) -> bytes:
    """The last ``most`` bytes of a file."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as opened:
        opened.seek(max(0, opened.seek(0, os.SEEK_END) - most))
        return opened.read(most)


def _append(file: Path, line: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "ab") as opened:
        opened.write(line.encode())


def _replace(file: Path, text: str) -> None:
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(text.encode())
    new.replace(file)
