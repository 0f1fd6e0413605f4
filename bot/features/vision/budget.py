"""How much of one file is decoded, at most."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from bot.pictures import BrokenPictureError

MAX_DECODED = 600
"""Frames of one file."""
MAX_SECONDS = 15.0

_T = TypeVar("_T")


class UnknownFileError(BrokenPictureError):
    """It is no picture and no video that anybody here knows."""


@dataclass(slots=True)
class DecodingBudget:
    """How much may still be decoded; ``stop`` ends it from another thread."""

    clock: Callable[[], float] = time.monotonic
    frames: int = MAX_DECODED
    seconds: float = MAX_SECONDS
    stop: threading.Event = field(default_factory=threading.Event)
    _until: float = field(init=False)

    def __post_init__(self) -> None:
        self._until = self.clock() + self.seconds

    def spend(self, frames: Iterable[_T]) -> Iterator[_T]:
        """The frames, as long as there is something left."""
        for frame in frames:
            yield frame
            self.frames -= 1
            if self.frames <= 0 or self.stop.is_set() or self.clock() > self._until:
                return
