"""Shows how far a download or a check is: bars on a terminal, a line now and then where there is none."""

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
"""Told of each piece of work before it begins, what it is called and its bytes; returns what to tell its progress."""


@contextmanager
def progress_on(console: Console, total: int) -> Iterator[FileReport]:
    """Show the progress of ``total`` bytes while the context is open."""
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
    """One line at most every :data:`SECONDS_BETWEEN_LINES`; none for what is done sooner."""

    def __init__(self, total: int, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._say = say
        self._clock = clock
        self._done = 0
        self._said_at = clock()

    def begin(self, what: str, amount: int) -> Advance:
        """Count the bytes of one more piece of work."""
        return lambda step: self._advance(what, step)

    def _advance(self, what: str, step: int) -> None:
        self._done += step
        now = self._clock()
        if now - self._said_at >= SECONDS_BETWEEN_LINES:
            self._said_at = now
            self._say(f"{size(self._done)} of {size(self._total)}: {what}")
