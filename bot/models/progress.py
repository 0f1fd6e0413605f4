"""Shows the progress of a download or check: bars on a terminal, otherwise a line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from bot.models.model_store import Advance
from bot.text import size

SECONDS_BETWEEN_LINES = 10.0

FileReport = Callable[[str, int], Advance]
"""Called before each piece of work, with its name and its size in bytes. Returns a function that reports its
progress."""


@contextmanager
def progress_on(console: Console, total: int) -> Iterator[FileReport]:
    """Show the progress of ``total`` bytes of work until the end of the block."""
    if console.is_terminal:
        with _bars(console) as bars:
            yield bars
    else:
        yield PlainProgress(total, lambda line: console.print(line, markup=False, soft_wrap=True)).begin


@contextmanager
def _bars(console: Console) -> Iterator[FileReport]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:

        def begin(what: str, amount: int) -> Advance:
            bar = progress.add_task(what, total=amount)
            return lambda step: progress.advance(bar, step)

        yield begin


class PlainProgress:
    """Shows progress as lines of text, at most one every :data:`SECONDS_BETWEEN_LINES`. Shorter work prints no line.

    Args:
        total: the number of bytes of all work.
        say: prints a line.
        clock: returns monotonic seconds.
    """

    def __init__(self, total: int, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._say = say
        self._clock = clock
        self._done = 0
        self._said_at = clock()

    def begin(self, what: str, amount: int) -> Advance:
        """Begin a piece of work; returns the function that reports its progress."""
        return lambda step: self._advance(what, step)

    def _advance(self, what: str, step: int) -> None:
        self._done += step
        now = self._clock()
        if now - self._said_at >= SECONDS_BETWEEN_LINES:
            self._said_at = now
            self._say(f"{size(self._done)} of {size(self._total)}: {what}")
