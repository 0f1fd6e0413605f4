"""A thread for a model that only one thread may use, and the sound that it hands to other threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from audio.samples import Samples

POLL_SECONDS = 0.01

T = TypeVar("T")
PutSamples = Callable[[Samples], None]
"""A function that takes the next piece of sound."""


class ModelThread:
    """Runs all of a model's work in one thread, one piece of work after another.

    After a stop, a thread that waits for sound returns within 10 ms. The model may run on for a moment, and the next
    work waits for it. A slow reader never delays the model.

    Args:
        name: prefix of the thread's name.
    """

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    def run(self, work: Callable[[], T]) -> T:
        """Run ``work`` in the thread, and return its result or raise its error. Blocks until ``work`` is done."""
        return self._thread.submit(work).result()

    def stream(
        self, make: Callable[[PutSamples], None], stop: threading.Event, abandon: Callable[[], None]
    ) -> Generator[Samples, None, None]:
        """Run ``make`` in the thread, and yield its sound piece by piece until it ends or ``stop`` is set.

        Args:
            make: called with a function that takes the next piece of sound. An error of ``make`` is raised here.
            stop: ends the stream; any thread may set it.
            abandon: called when nobody waits for more sound; it should make ``make`` return soon.
        """
        # Each call has its own queue, so that sound put into it after a stop is dropped.
        pieces: queue.SimpleQueue[Samples | Exception | None] = queue.SimpleQueue()

        def work() -> None:
            try:
                make(pieces.put)
                pieces.put(None)
            except Exception as error:
                pieces.put(error)

        job = self._thread.submit(work)
        try:
            while not stop.is_set():
                try:
                    piece = pieces.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    continue
                # The stop may have been set while this thread waited.
                if piece is None or stop.is_set():
                    return
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            abandon()
            job.cancel()

    def close(self) -> None:
        """Finish all work given so far, and end the thread. Blocks."""
        self._thread.shutdown(wait=True)
