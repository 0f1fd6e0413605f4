"""Circuit breaker of an engine: stops using it while it fails or is too slow, and tries it again later.

An open circuit breaker of the preferred engine is what users know as low-performance mode.
Pure logic: events are passed in, and the clock is injected.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from wire.messages import EngineChange

WINDOW_SECONDS = 6.0
"""Length of the speed measurement's window, in seconds of synthesis time."""
QUICK_ENOUGH = 0.8
"""Highest real-time factor that counts as fast enough. The rest of the time is needed for other work."""
SLOW_SECONDS = 3.0
"""Least synthesis time, in seconds, before an engine is judged too slow."""
FIRST_WAIT, LONGEST_WAIT = 20.0, 320.0
"""Seconds until an open circuit breaker tries the engine again. Each relapse doubles the wait, up to the longest."""

OpenReason = EngineChange
"""Why the engine is not used; never ``ready``."""


@dataclass(frozen=True, slots=True)
class SynthesisTiming:
    """Time that one whole segment took, in seconds.

    Attributes:
        audio: duration of the sound.
        busy: time that the engine needed to synthesize it.
    """

    audio: float
    busy: float


class CircuitBreaker:
    """Decides whether one engine is used now. Use it only on the event loop.

    Args:
        clock: monotonic seconds.
        changed: called with :attr:`open_reason` whenever that changes.
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
        """Why the engine is not used now; ``None`` if it is used."""
        if self._held_open:
            return "asked"
        return self._reason if self._clock() < self._retry_at else None

    def record_success(self, work: SynthesisTiming) -> None:
        """Count a whole synthesized segment."""
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
        """Count a failure of the engine."""
        if self._clock() >= self._retry_at:
            self._open(reason)
        self._report_change()

    def hold_open(self, held: bool) -> None:
        """Stop using the engine until this is called with False, which also ends any wait."""
        self._held_open = held
        if not held:
            self._retry_at, self._wait = 0.0, FIRST_WAIT
        self._report_change()

    def check(self) -> OpenReason | None:
        """Return :attr:`open_reason`. If a wait has ended since the last call, ``changed`` is called first."""
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
