"""Memory use of the server and of its readers.

A reader is a child process that reads one uploaded sound file (:mod:`tts_server.voices.reading`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.process_state import children_running
from tts_server.voices.reading import READER

MEGABYTE = 1 << 20
_SEARCH_INTERVAL = 5
"""New readers are searched for at every fifth measurement."""


class Memory:
    """Resident memory in bytes. ``peak`` is the peak of this process, ``largest_reader`` the highest of all readers."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.start = self.peak = self._process.memory_info().rss
        self.largest_reader = 0
        self._readers: list[psutil.Process] = []
        self._measurements = 0

    @property
    def growth(self) -> int:
        """The growth of this process, in which both the server and the test run."""
        return self.peak - self.start

    def measure(self) -> None:
        """Measure all processes now."""
        self.peak = max(self.peak, self._process.memory_info().rss)
        # Searching at every measurement would keep a processor busy. Every fifth is enough, since a reader lives for
        # some tenths of a second.
        if self._measurements % _SEARCH_INTERVAL == 0:
            self._readers = readers()
        self._measurements += 1
        for reader in self._readers:
            try:
                self.largest_reader = max(self.largest_reader, reader.memory_info().rss)
            except psutil.Error:
                continue


@contextmanager
def watched_memory() -> Iterator[Memory]:
    """Measure memory every few milliseconds during the block."""
    memory, over = Memory(), threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            memory.measure()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield memory
    finally:
        over.set()
        watching.join()


def readers() -> list[psutil.Process]:
    """The readers that this process has started. It may have other child processes too."""
    return children_running(READER)
