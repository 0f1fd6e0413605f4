"""Whether an engine can be relied on now; where the wanted one can't, that is the low-performance mode, which ends.

Pure: it is told what happened and when, and asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from wire.messages import EngineChange

WINDOW_SECONDS = 6.0
"""Of the engine's newest work, over which its speed is judged."""
QUICK_ENOUGH = 0.8
"""The real-time factor under which an engine is quick enough: beyond it, nothing is left for what else goes on."""
SLOW_SECONDS = 3.0
"""So much work must have been too slow."""
FIRST_WAIT, LONGEST_WAIT = 20.0, 320.0
"""Seconds until the engine is tried again; twice as long each time that it fails at once."""

OpenReason = EngineChange
"""Any but ``ready``."""


@dataclass(frozen=True, slots=True)
class SynthesisTiming:
    """What a whole clause cost: seconds of sound, and seconds that the engine took to make it."""

    audio: float
    busy: float


class CircuitBreaker:
    """One engine's. For one thread, the event loop's.

    Args:
        clock: monotonic seconds.
        changed: told what :attr:`low` is whenever it changes.
    """

    def __init__(
        self, clock: Callable[[], float], changed: Callable[[OpenReason | None], None] = lambda _: None
    ) -> None:
        self._clock = clock
        self._changed = changed
        self._work: deque[SynthesisTiming] = deque()
        self._reason: OpenReason | None = None
        self._held_open = False
        self._retry_at = 0.0
        self._wait = FIRST_WAIT
        self._reported: OpenReason | None = None

    @property
    def open_reason(self) -> OpenReason | None:
        """Why the engine is spared now, if it is."""
        if self._held_open:
            return "asked"
        return self._reason if self._clock() < self._retry_at else None

    def record_success(self, work: SynthesisTiming) -> None:
        """The engine made a whole clause."""
        if self._clock() < self._retry_at:
            return
        self._work.append(work)
        while len(self._work) > 1 and sum(work.busy for work in self._work) - self._work[0].busy >= WINDOW_SECONDS:
            self._work.popleft()
        busy, audio = sum(work.busy for work in self._work), sum(work.audio for work in self._work)
        if busy <= QUICK_ENOUGH * audio:
            self._reason, self._wait = None, FIRST_WAIT
        elif busy >= SLOW_SECONDS or self._reason == "too_slow":
            self._open("too_slow")
        self._report_change()

    def record_failure(self, reason: OpenReason) -> None:
        """The engine failed."""
        if self._clock() >= self._retry_at:
            self._open(reason)
        self._report_change()

    def hold_open(self, held: bool) -> None:
        """Somebody wants the engine spared until they say otherwise; or to have it tried again at once."""
        self._held_open = held
        if not held:
            self._retry_at, self._wait = 0.0, FIRST_WAIT
        self._report_change()

    def check(self) -> OpenReason | None:
        """As :attr:`low`, and tell if the time alone has changed it."""
        self._report_change()
        return self.open_reason

    def _open(self, reason: OpenReason) -> None:
        again = self._reason is not None
        self._wait = min(2 * self._wait, LONGEST_WAIT) if again else FIRST_WAIT
        self._reason = reason
        self._retry_at = self._clock() + self._wait
        self._work.clear()

    def _report_change(self) -> None:
        reason = self.open_reason
        if reason != self._reported:
            self._reported = reason
            self._changed(reason)
