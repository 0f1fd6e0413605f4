"""Garbage collection after calls."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

from bot.voice.events import CallBegan, CallEnded, CallEvent

DELAY = 1.0
"""Seconds from a call's end to the garbage collection. Until then, the last parts of the call close."""


class CallGarbageCollector:
    """Runs a full garbage collection after each call, at a time when that delays no sound. Call the object with each
    event of each call.

    The parts of a call refer to each other, so that only a full garbage collection frees them. By itself, Python runs
    one only after about 40 short calls. Until then, these calls would stay in memory, with their sound. A collection
    takes a few milliseconds, because it leaves out the objects of the bot's start.

    Args:
        collect: runs a full garbage collection.
        delay: seconds from the end of a call to the collection.
    """

    def __init__(self, collect: Callable[[], object] = gc.collect, delay: float = DELAY) -> None:
        self._collect = collect
        self._delay = delay
        self._waiting: asyncio.TimerHandle | None = None

    def __call__(self, event: CallEvent) -> None:
        """Take an event of a call. Call this on the event loop."""
        match event:
            case CallEnded():
                self.close()
                self._waiting = asyncio.get_running_loop().call_later(self._delay, self._free)
            case CallBegan() if self._waiting is not None:
                # The new call has no sound yet that a collection could delay. Without this collection, calls would
                # add up in memory if a client ends each call and begins another one at once.
                self.close()
                self._free()
            case _:
                pass

    def close(self) -> None:
        """Cancel a collection that has not run yet."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _free(self) -> None:
        self._waiting = None
        self._collect()
