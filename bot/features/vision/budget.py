"""Limits for decoding one picture or video file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from bot.pictures import BrokenPictureError

MAX_DECODED = 600
"""Maximum number of frames that are decoded of one file."""
MAX_SECONDS = 15.0
"""Maximum number of seconds that decoding one file may take."""

_T = TypeVar("_T")


class UnknownFileError(BrokenPictureError):
    """The file is neither a picture nor a video in a known format."""


@dataclass(slots=True)
class DecodingBudget:
    """The frames and seconds that decoding one file may use. Another thread can set ``stop`` to end the decoding."""

    clock: Callable[[], float] = time.monotonic
    frames: int = MAX_DECODED
    seconds: float = MAX_SECONDS
    stop: threading.Event = field(default_factory=threading.Event)
    _until: float = field(init=False)

    def __post_init__(self) -> None:
        self._until = self.clock() + self.seconds

    def spend(self, frames: Iterable[_T]) -> Iterator[_T]:
        """Yield the given frames until the budget is used up or ``stop`` is set."""
        for frame in frames:
            yield frame
            self.frames -= 1
            if self.frames <= 0 or self.stop.is_set() or self.clock() > self._until:
                return
