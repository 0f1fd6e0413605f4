"""Output that never makes a program wait, whatever happens to its reader.

A log may go to a terminal that is paused (Ctrl-S), to a pipe whose reader hangs, or to a full disk. If the event loop
itself wrote a line there, every call would stand still until that line is read.
"""

from __future__ import annotations

import io
import logging
import os
import select
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from typing_extensions import override

MAX_WAITING = 1 << 20
"""Maximum number of bytes that wait for a slow reader. What is printed beyond them is left out."""
CLOSE_LIMIT = 1.0
"""At the end of a program, its reader has this many seconds to read what is left."""

_log = logging.getLogger(__name__)


class _Writer:
    """Writes to one file, pipe or terminal. Thread-safe.

    The caller writes to a file on a disk, so that no line is lost if the process is killed. For a terminal or a pipe, a
    thread writes, and only that thread waits for the reader: such a place may be full although it counts as ready,
    since other processes write there, too.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._left_out = 0
        """How often something was left out since the last write that succeeded."""
        self._busy = self._closed = False
        self._changed = threading.Condition()
        threading.Thread(target=self._write_all, name="output", daemon=True).start()

    def put(self, descriptor: int, data: bytes) -> None:
        """Write ``data`` to a file descriptor, or have the thread write it. Leave it out if too much waits already."""
        with self._changed:
            if not (self._waiting or self._busy or self._left_out) and _is_on_disk(descriptor):
                self._left_out += not _write(descriptor, data)
                return
            if self._closed or self._bytes + len(data) > MAX_WAITING:
                self._left_out += 1
                return
            self._waiting.append((descriptor, data))
            self._bytes += len(data)
            self._changed.notify_all()

    def drain(self, limit: float) -> bool:
        """Wait until everything is written, at most ``limit`` seconds. Returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._busy), limit)

    def close(self) -> None:
        """End the thread, unless it waits for its reader. What waits is left out."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _write_all(self) -> None:
        while (next_one := self._next()) is not None:
            written = _write(*next_one)
            with self._changed:
                self._busy = False
                left_out = self._left_out if written else 0
                self._left_out -= left_out
                self._left_out += not written
                self._changed.notify_all()
            if left_out:
                _log.warning("Output was left out %d times, because nobody read it or the disk was full", left_out)

    def _next(self) -> tuple[int, bytes] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            descriptor, data = self._waiting.popleft()
            self._bytes -= len(data)
            self._busy = True
            return descriptor, data


def _is_on_disk(descriptor: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _write(descriptor: int, data: bytes) -> bool:
    """Write all of ``data``, however long that takes. Returns False if the disk is full or the reader is gone."""
    rest = memoryview(data)
    try:
        while rest:
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BlockingIOError:
                # Another program has made the terminal or pipe non-blocking.
                select.select((), (descriptor,), ())
    except OSError:
        return False
    return True


class PatientStream(io.TextIOBase):
    """A stand-in for ``sys.stdout`` or ``sys.stderr`` that neither waits nor fails. Thread-safe.

    Args:
        stream: the real one.
        writer: writes; two streams to the same place share it, so that their lines stay in order.
    """

    def __init__(self, stream: TextIO, writer: _Writer) -> None:
        self._stream = stream
        self._writer = writer
        self._ended = False

    @override
    def write(self, text: str) -> int:
        if self._ended:
            return self._stream.write(text)
        self._writer.put(self.fileno(), text.encode(self.encoding, "backslashreplace"))
        return len(text)

    def end(self, limit: float) -> None:
        """Wait until everything is written, at most ``limit`` seconds. After that, the real stream is written to.

        If the reader hangs, nothing more is written.
        """
        if self._writer.drain(limit):
            self._ended = True
        else:
            self._writer.close()

    def drain(self, limit: float) -> None:
        """Wait until everything is written, at most ``limit`` seconds."""
        self._writer.drain(limit)

    @property
    @override
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    @override
    def flush(self) -> None:
        if self._ended:
            self._stream.flush()

    @override
    def fileno(self) -> int:
        return self._stream.fileno()

    @override
    def isatty(self) -> bool:
        return self._stream.isatty()

    @override
    def writable(self) -> bool:
        return True


@contextmanager
def patient_output() -> Iterator[None]:
    """Until the end of the block, no part of the program waits for whoever reads its output, and no print fails.

    Call it before the log is set up, since handlers of the log keep the stream that they were given.
    """
    output, errors = sys.stdout, sys.stderr
    writers: dict[tuple[int, int], _Writer] = {}
    patient_stdout, patient_stderr = _patient(output, writers), _patient(errors, writers)
    sys.stdout, sys.stderr = patient_stdout or output, patient_stderr or errors
    try:
        yield
    finally:
        # The log may keep a stream, or have put another one in its place.
        if sys.stdout is patient_stdout:
            sys.stdout = output
        if sys.stderr is patient_stderr:
            sys.stderr = errors
        until = time.monotonic() + CLOSE_LIMIT
        for stream in (patient_stdout, patient_stderr):
            if stream is not None:
                stream.end(max(0.0, until - time.monotonic()))


def wait_for_log(limit: float) -> None:
    """Wait until the whole log is written, at most ``limit`` seconds. For a process that is about to end at once."""
    for handler in logging.getLogger().handlers:
        stream = getattr(handler, "stream", None)
        if isinstance(stream, PatientStream):
            stream.drain(limit)


def _patient(stream: TextIO | None, writers: dict[tuple[int, int], _Writer]) -> PatientStream | None:
    """A stream's stand-in; ``None`` for a stream that is closed, or is no file."""
    try:
        if stream is None:
            return None
        place = os.fstat(stream.fileno())
        stream.flush()
    except (OSError, ValueError):
        return None
    key = place.st_dev, place.st_ino
    if key not in writers:
        writers[key] = _Writer()
    return PatientStream(stream, writers[key])
