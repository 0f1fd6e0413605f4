"""The jitter buffer of one stream: packets in any order in, frames in order out. Pure; time is handed in."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_WAIT = 0.06
"""Seconds that a missing packet is waited for, at most."""
SHORTEST_WAIT = 0.03
WAIT_MARGIN = 1.25
WAIT_DECAY = 0.995
MAX_GAP = 50
"""Missing packets beyond which a stream has jumped rather than lost something."""
RESTART = 4
"""So many packets that are too late, one after another, are those of a stream that has begun anew."""
_HALF, _WRAP = 1 << 15, 1 << 16


@dataclass(frozen=True, slots=True)
class Frame:
    """An encrypted-no-more Opus frame, ``lost`` packets behind the one before it; ``at`` is its arrival."""

    opus: bytes
    at: float
    lost: int


@dataclass(slots=True)
class _Waiting:
    opus: bytes
    at: float


class JitterBuffer:
    """Adds nothing while packets come in order; waits for a missing one as long as packets have lately been late."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._waiting: dict[int, _Waiting] = {}
        self._wait = SHORTEST_WAIT
        self._stuck_since = 0.0
        self._late = 0
        self._last_late = 0

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` gives a missing packet up."""
        return self._stuck_since + self._wait if self._waiting else None

    def refuses(self, sequence: int, at: float) -> bool:
        """Whether this packet came before, or comes too late: it need not be opened, nor pushed."""
        if self._next is None or (sequence - self._next) % _WRAP < _HALF:
            self._late = 0
            return sequence in self._waiting
        self._late = self._late + 1 if sequence == (self._last_late + 1) % _WRAP else 1
        self._last_late = sequence
        if self._late < RESTART:
            self._learn(at)
            return True
        self._next, self._late = None, 0
        self._waiting.clear()
        return False

    def push(self, sequence: int, opus: bytes, at: float) -> list[Frame]:
        """Take a packet; duplicates and what comes too late are dropped."""
        if self._next is None:
            self._next = sequence
        ahead = (sequence - self._next) % _WRAP
        if ahead >= _HALF:
            return []
        if ahead > MAX_GAP:
            frames = self._give_up(len(self._waiting))
            self._next = sequence
            return [*frames, *self._flow_from(sequence, opus, at)]
        if ahead:
            if not self._waiting:
                self._stuck_since = at
            self._waiting.setdefault(sequence, _Waiting(opus, at))
            return []
        if self._waiting:
            self._learn(at)
        return self._flow_from(sequence, opus, at)

    def tick(self, now: float) -> list[Frame]:
        """Give up what has been waited for long enough."""
        frames: list[Frame] = []
        while (deadline := self.deadline) is not None and deadline <= now:
            frames += self._skip()
            self._stuck_since = now
        return frames

    def flush(self) -> list[Frame]:
        """Give out what waits: the transmission is over."""
        return self._give_up(len(self._waiting))

    def _learn(self, at: float) -> None:
        """A packet was late: wait that long the next time, and a little less with each that is in order."""
        self._wait = min(max(self._wait, WAIT_MARGIN * (at - self._stuck_since)), LONGEST_WAIT)

    def _flow_from(self, sequence: int, opus: bytes, at: float) -> list[Frame]:
        frames = [Frame(opus, at, 0)]
        self._wait = max(SHORTEST_WAIT, self._wait * WAIT_DECAY)
        following = (sequence + 1) % _WRAP
        while (packet := self._waiting.pop(following, None)) is not None:
            frames.append(Frame(packet.opus, packet.at, 0))
            following = (following + 1) % _WRAP
        self._next = following
        if self._waiting:
            self._stuck_since = at
        return frames

    def _skip(self) -> list[Frame]:
        """Leave the missing packets out and go on behind them."""
        if not self._waiting or self._next is None:
            return []
        nearest = min(self._waiting, key=lambda sequence: (sequence - (self._next or 0)) % _WRAP)
        lost = (nearest - self._next) % _WRAP
        packet = self._waiting.pop(nearest)
        first, *others = self._flow_from(nearest, packet.opus, packet.at)
        return [Frame(first.opus, first.at, lost), *others]

    def _give_up(self, count: int) -> list[Frame]:
        frames: list[Frame] = []
        while self._waiting and count:
            frames += self._skip()
            count -= 1
        return frames
