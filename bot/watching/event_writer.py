"""Writes call events to a stream, in its own thread."""

from __future__ import annotations

import logging
import queue
import select
import threading
import time
from collections.abc import Callable
from typing import Protocol

from bot.voice.events import CallEnded, CallEvent
from bot.voice.transport import EndCause
from bot.watching.event_lines import encode_event

MAX_WAITING = 10_000
"""Maximum number of lines that wait for a slow reader. Further lines are dropped."""
CLOSE_LIMIT = 2.0
"""At the end of the program, the reader has this many seconds to read the last lines."""

_log = logging.getLogger(__name__)


class RawStream(Protocol):
    """An unbuffered stream for bytes, such as :class:`io.FileIO`."""

    def write(self, data: memoryview, /) -> int | None:
        """Write some bytes. Returns their number; ``None`` if the stream is non-blocking and would block."""

    def fileno(self) -> int:
        """The file descriptor."""


class EventWriter:
    """A watcher that writes each event as one line.

    Only its thread waits for the reader. A reader that is too slow misses lines, and never blocks the event loop.

    Args:
        stream: stream for the lines. When the program ends, the thread may still be blocked in the stream's ``write``.
        clock: returns monotonic seconds.
        max_waiting: maximum number of lines that wait. Further lines are dropped.
    """

    def __init__(
        self, stream: RawStream, clock: Callable[[], float] = time.monotonic, max_waiting: int = MAX_WAITING
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._waiting = queue.Queue[CallEvent | None](max_waiting)
        self._dropping = False
        self._last: CallEvent | None = None
        self._thread = threading.Thread(target=self._write_lines, name="event lines", daemon=True)
        self._thread.start()

    def __call__(self, event: CallEvent) -> None:
        """Queue one event. Neither blocks nor raises."""
        self._last = event
        # If the reader has closed the stream, the thread has ended.
        if not self._thread.is_alive():
            return
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            if not self._dropping:
                _log.warning("The program that reads the events does not keep up: it will miss some")
            self._dropping = True

    def end(self) -> None:
        """Write the last line, which says that the program ends.

        Nothing is written if the last event is the end of a call, and says already that the program ends.
        """
        cause = EndCause.SHUTDOWN.value
        if not (isinstance(self._last, CallEnded) and self._last.cause == cause):
            # No call was active, so there is no place to name.
            self(CallEnded(place="", cause=cause, at=self._clock()))

    def close(self, limit: float = CLOSE_LIMIT) -> None:
        """Wait until all lines are written, at most ``limit`` seconds."""
        until = time.monotonic() + limit
        try:
            self._waiting.put(None, timeout=limit)
        except queue.Full:
            return
        self._thread.join(max(0.0, until - time.monotonic()))

    def _write_lines(self) -> None:
        try:
            while (event := self._waiting.get()) is not None:
                self._write(encode_event(event).encode() + b"\n")
        except OSError as error:
            _log.warning("Nobody reads the events any more (%s): they are no longer written", error.strerror or error)

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            written = self._stream.write(rest)
            # None means that the stream is non-blocking and full.
            if written is None:
                select.select((), (self._stream,), ())
            else:
                rest = rest[written:]
