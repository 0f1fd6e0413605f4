"""A file to which lines are appended. Its size is bounded, and only its owner may read it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path


class BoundedLines:
    """The file. Use it on the event loop: it is read and written in threads, and lines are written one at a time.

    When a line no longer fits, only the newest lines that fit beside it and into half of the size are kept. A crash or
    a full disk may leave half a line at the end of the file. The next line that is written begins after it, on a line
    of its own.

    Args:
        file: the file. It need not be there.
        max_bytes: the file's largest size.
    """

    def __init__(self, file: Path, max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._writing = asyncio.Lock()

    async def read(self) -> list[bytes]:
        """The lines, without newlines; none if there is no file. Raises :class:`OSError`."""
        return await asyncio.to_thread(self._read)

    async def append(self, line: bytes) -> None:
        """Write a line. ``line`` has no newline at its end.

        Raises:
            ValueError: the line is longer than the file may be. Nothing has changed.
            OSError: the file can't be written.
        """
        if len(line) >= self._max_bytes:
            raise ValueError(f"A line of {len(line)} bytes does not fit into {self._file} of {self._max_bytes}")
        async with self._writing:
            await asyncio.to_thread(self._append, line + b"\n")

    def _read(self) -> list[bytes]:
        try:
            descriptor = os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return []
        with os.fdopen(descriptor, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - self._max_bytes))
            return file.read().splitlines()

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size + len(line) < self._max_bytes:
                file.seek(max(0, size - 1))
                file.write((b"" if file.read(1) in (b"", b"\n") else b"\n") + line)
                return
        self._replace([*self._newest(self._max_bytes - len(line)), line])

    def _newest(self, room: int) -> list[bytes]:
        """The newest lines that fit into half of the size and into ``room`` bytes."""
        kept: list[bytes] = []
        left = min(room, self._max_bytes // 2)
        for line in reversed(self._read()):
            left -= len(line) + 1
            if left < 0:
                break
            kept.append(line + b"\n")
        return kept[::-1]

    def _replace(self, lines: list[bytes]) -> None:
        new = self._file.with_suffix(".new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._file)
