"""The jitter buffer of one stream: it takes packets in any order and returns frames in order.

Pure logic without a clock: the caller passes the time, in monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

Content = TypeVar("Content")
"""What a packet carries: an encoded frame, or more."""

MAX_WAIT = 0.06
"""Longest wait for a missing packet, in seconds."""
SHORTEST_WAIT = 0.03
"""Shortest wait for a missing packet, in seconds."""
WAIT_MARGIN = 1.25
"""After a late packet, the wait becomes at least its delay multiplied by this factor."""
WAIT_DECAY = 0.995
"""Factor by which each packet in order shortens the wait."""
MAX_GAP = 50
"""Maximum number of missing packets that count as lost. After a larger gap in the sequence numbers, the stream has
restarted."""
RESTART = 4
"""If this many packets with consecutive numbers are all too late, the stream has restarted."""
_HALF, _WRAP = 1 << 15, 1 << 16
"""Half of the range of RTP's sequence numbers, and the whole range."""


@dataclass(frozen=True, slots=True)
class Frame(Generic[Content]):
    """What one packet carried, in its place in the stream.

    Attributes:
        content: what the packet carried.
        at: arrival of its packet, in monotonic seconds.
        lost: number of lost packets between the previous frame and this frame.
        restarted: True if the stream has restarted with this frame, so that ``lost`` says nothing.
    """

    content: Content
    at: float
    lost: int
    restarted: bool = False


@dataclass(slots=True)
class _WaitingFrame(Generic[Content]):
    """A frame that waits for a missing packet before it: its content and the arrival of its packet."""

    content: Content
    at: float


class JitterBuffer(Generic[Content]):
    """Puts the frames of one stream in order.

    It adds no delay while packets come in order. For a missing packet, it waits about as long as recent packets were
    late: from :data:`SHORTEST_WAIT` to :data:`MAX_WAIT` seconds.
    """

    def __init__(self) -> None:
        self._next: int | None = None  # sequence number of the next frame in order
        self._waiting: dict[int, _WaitingFrame[Content]] = {}  # by sequence number
        self._wait = SHORTEST_WAIT
        self._stuck_since = 0.0  # time since which a packet is missing
        self._late = 0  # number of late packets with consecutive numbers
        self._last_late = 0  # sequence number of the last of them

    @property
    def deadline(self) -> float | None:
        """Time at which :meth:`tick` stops waiting for a missing packet; ``None`` if no packet is missing."""
        return self._stuck_since + self._wait if self._waiting else None

    def refuses(self, sequence: int, at: float) -> bool:
        """True if the packet is a duplicate or too late. Such a packet need not be decrypted or pushed.

        Call it once for each packet, since the buffer learns from packets that are too late.

        Args:
            sequence: RTP's sequence number, 0 to 65,535.
            at: arrival of the packet.
        """
        if self._next is None or (sequence - self._next) % _WRAP < _HALF:
            self._late = 0
            return sequence in self._waiting
        self._late = self._late + 1 if sequence == (self._last_late + 1) % _WRAP else 1
        self._last_late = sequence
        if self._late < RESTART:
            self._learn_delay(at)
            return True
        self._next, self._late = None, 0
        self._waiting.clear()
        return False

    def push(self, sequence: int, content: Content, at: float) -> list[Frame[Content]]:
        """Take a packet's frame; returns the frames that are in order now.

        A duplicate, or a frame that is too late, is dropped.
        """
        if self._next is None:
            return self._restart(sequence, content, at)
        ahead = (sequence - self._next) % _WRAP
        if ahead >= _HALF:
            return []
        if ahead > MAX_GAP:
            return [*self.flush(), *self._restart(sequence, content, at)]
        if ahead:
            if not self._waiting:
                self._stuck_since = at
            self._waiting.setdefault(sequence, _WaitingFrame(content, at))
            return []
        if self._waiting:
            self._learn_delay(at)
        return self._release_from(sequence, content, at)

    def tick(self, now: float) -> list[Frame[Content]]:
        """Stop waiting for the packets that are overdue at ``now``; returns the frames that waited for them."""
        frames: list[Frame[Content]] = []
        while (deadline := self.deadline) is not None and deadline <= now:
            frames += self._skip_gap()
            self._stuck_since = now
        return frames

    def flush(self) -> list[Frame[Content]]:
        """Return all waiting frames, for example at the end of a transmission."""
        frames: list[Frame[Content]] = []
        while self._waiting:
            frames += self._skip_gap()
        return frames

    def _learn_delay(self, at: float) -> None:
        """Lengthen the wait after a late packet that arrived at ``at``."""
        self._wait = min(max(self._wait, WAIT_MARGIN * (at - self._stuck_since)), MAX_WAIT)

    def _restart(self, sequence: int, content: Content, at: float) -> list[Frame[Content]]:
        """Continue with this frame, whatever came before it."""
        first, *others = self._release_from(sequence, content, at)
        return [replace(first, restarted=True), *others]

    def _release_from(self, sequence: int, content: Content, at: float) -> list[Frame[Content]]:
        """Return this frame and the waiting frames that follow it without a gap."""
        frames = [Frame(content, at, 0)]
        self._wait = max(SHORTEST_WAIT, self._wait * WAIT_DECAY)
        following = (sequence + 1) % _WRAP
        while (packet := self._waiting.pop(following, None)) is not None:
            frames.append(Frame(packet.content, packet.at, 0))
            following = (following + 1) % _WRAP
        self._next = following
        if self._waiting:
            self._stuck_since = at
        return frames

    def _skip_gap(self) -> list[Frame[Content]]:
        """Count the missing packets as lost; returns the waiting frames up to the next gap."""
        if not self._waiting or self._next is None:
            return []
        nearest = min(self._waiting, key=lambda sequence: (sequence - (self._next or 0)) % _WRAP)
        lost = (nearest - self._next) % _WRAP
        packet = self._waiting.pop(nearest)
        first, *others = self._release_from(nearest, packet.content, packet.at)
        return [replace(first, lost=lost), *others]
