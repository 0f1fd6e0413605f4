"""Decides which of several servers is asked: pure logic, without input or output, driven by a clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import inf

PROBE_EVERY = 30.0
"""Seconds between two probes of a server that answers."""
PROBE_RARELY = 300.0
"""Seconds between two probes of a hosted server that answers."""
FIRST_PROBE, LAST_PROBE = 2.0, 30.0
"""Shortest and longest pause between two probes of a server that does not answer. The pause doubles each time."""
MISSES = 2
"""A server that has answered before is down after this many failed probes in a row: one may fail on a busy machine."""
DOWN_RESTS = (2.0, 10.0, 30.0, 120.0, 600.0)
"""Seconds until a server that failed to answer may be asked again, by the number of its failures in a row."""
SLOW_RESTS = (60.0, 120.0, 300.0, 600.0)
"""Seconds until a server that was too slow may be asked again, by the number of its failures in a row. These pauses
are longer, because a probe does not show whether the server has become quicker."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A server that may be asked.

    Attributes:
        paid: whether it costs money.
        hosted: whether it is on the internet. If so, it is probed less often.
    """

    paid: bool = False
    hosted: bool = False


@dataclass(slots=True)
class _State:
    up: bool = True
    seen: bool = False
    """Whether it has ever answered."""
    failures: int = 0
    """Answers that failed in a row."""
    misses: int = 0
    """Probes that failed in a row."""
    probe_at: float = 0.0
    failed_at: float = -inf
    """When an answer failed last."""


class ServerChoice:
    """Chooses among servers that are numbered by preference, the most preferred one first.

    Outside of calls, the most preferred server that answers is the current one. During a call, the current server stays
    the same until it fails, because it has the conversation in its cache. The only exception: a server that costs money
    is left when a preferred one that costs nothing answers again.

    Args:
        servers: at least one.
        clock: returns monotonic seconds.
    """

    def __init__(self, servers: Sequence[Candidate], clock: Callable[[], float]) -> None:
        self._servers = tuple(servers)
        self._clock = clock
        self._states = [_State(probe_at=clock()) for _ in servers]
        self._in_call = False
        self._current = self._expected = 0
        self._told: dict[int | None, int] = {}
        """For each slot, the server that people were last told about: it was the current one then."""

    @property
    def current(self) -> int:
        """The server that answers now."""
        return self._current

    def is_up(self, server: int) -> bool:
        """Whether a server is believed to answer."""
        return self._states[server].up

    def is_known(self, server: int) -> bool:
        """Whether a server is believed to answer because it has answered before."""
        return self._states[server].up and self._states[server].seen

    def next(self, tried: Collection[int]) -> int | None:
        """The server to ask for an answer, other than those already tried. ``None`` if all were tried.

        Servers that are believed to be down come last, because each may be back.
        """
        wanted = [self._current, *(server for server in range(len(self._servers)) if server != self._current)]
        left = [server for server in wanted if server not in tried]
        return min(left, key=lambda server: not self.is_up(server), default=None)

    def has_other(self, tried: Collection[int]) -> bool:
        """Whether there is a server that is believed to answer, other than those tried."""
        return any(state.up for server, state in enumerate(self._states) if server not in tried)

    def take_news(self, slot: int | None = None) -> tuple[int, int] | None:
        """The server that people believe to answer, and the one that does, if the two differ. Each change is returned
        once.

        Args:
            slot: the call's slot on the model server; ``None`` outside of calls.
        """
        told = self._told.get(slot, self._expected)
        if told == self._current:
            return None
        self._told[slot] = self._current
        return told, self._current

    def begin_call(self) -> None:
        """A call begins. The best server is chosen for it. People expect the most preferred one."""
        self._choose_best()
        self._in_call, self._expected, self._told = True, 0, {}

    def end_call(self) -> None:
        """The call is over."""
        self._in_call = False
        self._choose_best()
        self._expected, self._told = self._current, {}

    def answered(self, server: int) -> None:
        """A server has given an answer."""
        state = self._states[server]
        state.up, state.seen, state.failures, state.misses = True, True, 0, 0
        self._settle()

    def failed(self, server: int, *, slow: bool = False) -> None:
        """A server has failed to answer, or its answer did not begin in time."""
        state = self._states[server]
        rests = SLOW_RESTS if slow else DOWN_RESTS
        state.failed_at = self._clock()
        state.probe_at = state.failed_at + rests[min(state.failures, len(rests) - 1)]
        state.up, state.failures, state.misses = False, state.failures + 1, 0
        self._settle()

    def due(self) -> list[int]:
        """The servers that are to be probed now."""
        now = self._clock()
        return [server for server, state in enumerate(self._states) if state.probe_at <= now]

    def until_due(self) -> float:
        """Seconds until the next probe is due."""
        return max(0.0, min(state.probe_at for state in self._states) - self._clock())

    def probed(self, server: int, *, ready: bool, begun: float = inf) -> None:
        """A server was probed.

        Args:
            begun: when the probe began. If an answer has failed since then, the probe's result is ignored.
        """
        state, now = self._states[server], self._clock()
        if begun <= state.failed_at:
            return
        if ready:
            state.up, state.seen, state.misses = True, True, 0
            state.probe_at = now + (PROBE_RARELY if self._servers[server].hosted else PROBE_EVERY)
        else:
            state.misses += 1
            state.up = state.up and state.seen and state.misses < MISSES
            state.probe_at = now + min(FIRST_PROBE * 2.0 ** (state.misses - 1), LAST_PROBE)
        self._settle()

    def _settle(self) -> None:
        """Change the current server if that is due now."""
        if not self._in_call or not self.is_up(self._current):
            self._choose_best()
        elif self._servers[self._current].paid:
            free = (number for number, server in enumerate(self._servers) if not server.paid and self.is_up(number))
            self._current = min(next(free, self._current), self._current)

    def _choose_best(self) -> None:
        self._current = next((server for server in range(len(self._servers)) if self.is_up(server)), self._current)
