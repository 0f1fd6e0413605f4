"""Circuit breaker of an engine: stops using it while it fails or is too slow, and tries it again later.

While the preferred engine's circuit breaker is open, the server is in what users know as low-performance mode.
Pure logic: events are passed in, and the clock is injected.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from wire.messages import EngineChange

WINDOW_SECONDS = 6.0
"""The speed is measured over about this many seconds of the latest synthesis time."""
MAX_REAL_TIME_FACTOR = 0.8
"""Highest real-time factor that counts as fast enough. The rest of the time is needed for other work."""
SLOW_SECONDS = 3.0
"""An engine is judged too slow only after at least this many seconds of synthesis. An engine that was too slow before
and is tried again may be judged sooner."""
FIRST_WAIT = 20.0
"""Seconds until an open circuit breaker first tries the engine again. Each relapse doubles the wait."""
PROOF_SECONDS = 10.0
"""An engine that was too slow must speak this many seconds of sound fast enough before people are told it is back."""
STEADY_SECONDS = 60.0
"""When an engine that was too slow has spoken for this many seconds without a relapse, its next wait is
:data:`FIRST_WAIT` again.
"""
MAX_WAIT = 320.0
"""Longest wait until the engine is tried again, in seconds. The wait is not doubled beyond this."""

OpenReason = EngineChange
"""Why the engine is not used; never ``ready``."""


@dataclass(frozen=True, slots=True)
class SynthesisTiming:
    """Time that the engine took for one whole portion of a text.

    Attributes:
        audio_seconds: duration of the sound.
        synthesis_seconds: time that the engine needed to synthesize it.
    """

    audio_seconds: float
    synthesis_seconds: float


class CircuitBreaker:
    """Decides whether one engine is used now. Use it only on the event loop.

    Args:
        clock: returns monotonic seconds.
        changed: called with :attr:`open_reason` whenever that changes. But when an engine that was too slow is tried
            again, the function is called only with the result: ``None`` after :data:`PROOF_SECONDS`, or the reason of a
            relapse.
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
        self._next_wait = FIRST_WAIT
        self._opened_for: OpenReason | None = None
        self._sound_since_open = 0.0
        self._reported: OpenReason | None = None

    @property
    def open_reason(self) -> OpenReason | None:
        """Why the engine is not used now; ``None`` if it is used."""
        if self._held_open:
            return "asked"
        return self._reason if self._clock() < self._retry_at else None

    def record_success(self, work: SynthesisTiming) -> None:
        """Count a portion of a text that was synthesized to its end."""
        if self._clock() < self._retry_at:
            return
        self._work.append(work)
        self._sound_since_open += work.audio_seconds
        while len(self._work) > 1 and self._synthesis_seconds() - self._work[0].synthesis_seconds >= WINDOW_SECONDS:
            self._work.popleft()
        synthesis, audio = self._synthesis_seconds(), sum(work.audio_seconds for work in self._work)
        if synthesis <= MAX_REAL_TIME_FACTOR * audio:
            self._note_fast_enough()
        elif synthesis >= SLOW_SECONDS or self._reason == "too_slow":
            self._open("too_slow")
        self._report_change()

    def record_failure(self, reason: OpenReason) -> None:
        """Count a failure of the engine."""
        if self._clock() >= self._retry_at:
            self._open(reason)
        self._report_change()

    def hold_open(self, held: bool) -> None:
        """Take the engine out of use (True), or allow it again (False). False also ends a running wait."""
        self._held_open = held
        if not held:
            self._retry_at, self._next_wait, self._reason = 0.0, FIRST_WAIT, None
        self._report_change()

    def check(self) -> OpenReason | None:
        """Return :attr:`open_reason`. If a wait has ended since the last call, ``changed`` is called first."""
        self._report_change()
        return self.open_reason

    def _synthesis_seconds(self) -> float:
        return sum(work.synthesis_seconds for work in self._work)

    def _note_fast_enough(self) -> None:
        was_slow = self._opened_for == "too_slow"
        if not was_slow or self._sound_since_open >= PROOF_SECONDS:
            self._reason = None
        if not was_slow or self._sound_since_open >= STEADY_SECONDS:
            self._next_wait = FIRST_WAIT

    def _open(self, reason: OpenReason) -> None:
        self._reason = self._opened_for = reason
        self._retry_at = self._clock() + self._next_wait
        self._next_wait = min(2 * self._next_wait, MAX_WAIT)
        self._sound_since_open = 0.0
        self._work.clear()
        if reason == self._reported == "too_slow":
            # Report a relapse too, for clients that connected while the engine was being tried again.
            self._reported = None

    def _report_change(self) -> None:
        reason = self.open_reason
        is_tried = reason is None and self._reason == "too_slow"
        if reason != self._reported and not is_tried:
            self._reported = reason
            self._changed(reason)
