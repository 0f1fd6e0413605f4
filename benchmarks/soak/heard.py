"""What a client hears of the bot: when its sound came, and how late each packet was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from benchmarks.statistics import FRAME_SECONDS, Lateness, lateness

SILENCE_PACKETS = 25
"""After this many packets without voice, half a second, the bot's speech counts as over."""
RESTART_SECONDS = 0.12
"""A longer gap between two packets restarts the clock of a stream. It also restarts the bot's and a listener's."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An uninterrupted piece of speech: when it ended, in monotonic seconds, and the lateness of its packets."""

    ended: float
    lateness: Lateness

    @classmethod
    def of(cls, arrivals: Sequence[float]) -> Stream:
        """The stream of at least one packet.

        After a gap longer than :data:`RESTART_SECONDS` the clock starts anew, with the packet that ends the gap. The
        packets that were due within the gap count as late. If the clock did not start anew, all packets behind a single
        gap would count as late.
        """
        gaps = [later - earlier for earlier, later in pairwise(arrivals)]
        cuts = [0, *(number for number, gap in enumerate(gaps, 1) if gap > RESTART_SECONDS), len(arrivals)]
        found = lateness([arrivals[begin:end] for begin, end in pairwise(cuts)])
        long = [gap for gap in gaps if gap > RESTART_SECONDS]
        missing = sum(round(gap / FRAME_SECONDS) - 1 for gap in long)
        return cls(
            arrivals[-1],
            replace(
                found,
                packets=found.packets + missing,
                late=found.late + missing,
                holes=found.holes + len(long),
                longest_gap=max([found.longest_gap, *long]),
            ),
        )


class HeardSound:
    """Takes the bot's packets, one every 20 ms, and divides them into streams.

    Attributes:
        last_voiced: when the newest voiced packet came, in monotonic seconds; 0 before the first one.
        streams: all streams that are over.
    """

    def __init__(self) -> None:
        self.last_voiced = 0.0
        self.streams: list[Stream] = []
        self._arrivals: list[float] = []
        self._unvoiced = 0
        self._voiced: list[float] = []

    def packet(self, arrival: float, *, voiced: bool) -> None:
        """Take a packet. Those without voice belong to the stream if voice follows them soon."""
        if not voiced:
            if self._arrivals:
                self._arrivals.append(arrival)
                self._unvoiced += 1
                if self._unvoiced >= SILENCE_PACKETS:
                    self.end_stream()
            return
        self._unvoiced = 0
        self._arrivals.append(arrival)
        self.last_voiced = arrival
        self._voiced.append(arrival)

    def end_stream(self) -> None:
        """End the stream, because the bot's speech is over. The next packet begins a new stream."""
        if arrivals := self._arrivals[: len(self._arrivals) - self._unvoiced]:
            self.streams.append(Stream.of(arrivals))
        self._arrivals, self._unvoiced = [], 0

    def forget(self) -> None:
        """Forget the voiced packets so far; :meth:`first_after` looks at those that come from now on."""
        self._voiced.clear()

    def first_after(self, since: float) -> float | None:
        """When the first voiced packet after ``since`` came; ``None`` if none has come."""
        return next((at for at in self._voiced if at > since), None)
