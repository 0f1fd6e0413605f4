"""The one thread that a model belongs to, and its sound, handed over as it is made."""

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
"""Takes the next piece of sound."""


class ModelThread:
    """Does all that a model does, one after the other.

    Whoever waits for sound returns within 10 ms of a stop, though the model first comes to a place where it can leave
    off; what follows waits for that. A slow reader never keeps the model from others.
    """

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    def run(self, work: Callable[[], T]) -> T:
        """Have it done, after what is being done; blocks until then. What it raises is raised."""
        return self._thread.submit(work).result()

    def stream(
        self, make: Callable[[PutSamples], None], stop: threading.Event, abandon: Callable[[], None]
    ) -> Generator[Samples, None, None]:
        """What ``make`` puts, piece by piece, until it is done or ``stop`` is set. What it raises is raised.

        ``abandon`` is called when nobody waits for more: ``make`` is to leave off soon.
        """
        # A queue of this call's own: what is still put after a stop is never heard.
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
                # The stop may have come while this waited.
                if piece is None or stop.is_set():
                    return
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            abandon()
            job.cancel()

    def close(self) -> None:
        """End the thread, when it has done what it was given."""
        self._thread.shutdown(wait=True)
