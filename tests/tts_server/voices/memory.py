"""Memory use of the server and of its reading processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tts_server.voices.reading import READER

MEGABYTE = 1 << 20
_LOOKS_FOR_READERS = 5
"""New reading processes are searched for only once in this many measurements."""


class Memory:
    """Resident memory in bytes. ``peak`` is the peak of this process, and ``largest_reader`` of any reading process."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.start = self.peak = self._process.memory_info().rss
        self.largest_reader = 0
        self._readers: list[psutil.Process] = []
        self._looks = 0

    @property
    def growth(self) -> int:
        """The growth of this process, in which both the server and the test run."""
        return self.peak - self.start

    def look(self) -> None:
        self.peak = max(self.peak, self._process.memory_info().rss)
        # Searching at each measurement would keep a processor busy, and a reader lives for some tenths of a second.
        if self._looks % _LOOKS_FOR_READERS == 0:
            self._readers = readers()
        self._looks += 1
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
            memory.look()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield memory
    finally:
        over.set()
        watching.join()


def readers() -> list[psutil.Process]:
    """The reading processes started by this process. Child processes of other tests may exist beside them."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            # Before exec, a child process is a copy of its parent, with the parent's memory.
            if READER in child.cmdline():
                found.append(child)
        except psutil.Error:
            continue
    return found
