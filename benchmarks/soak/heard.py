"""What a client hears of the bot: when its sound came, and how late each packet was."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.statistics import Lateness, lateness

SILENCE_PACKETS = 25
"""After this many packets without voice, half a second, the bot's speech counts as over."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An uninterrupted piece of speech: when it ended, in monotonic seconds, and the lateness of its packets."""

    ended: float
    lateness: Lateness


class HeardSound:
    """Takes the bot's packets, one every 20 ms, and divides them into streams.

    Args:
        lead: packets at the beginning of a stream that are sent ahead of time. The clock starts after them.

    Attributes:
        last_voiced: when the newest voiced packet came, in monotonic seconds; 0 before the first one.
        streams: all streams that are over.
    """

    def __init__(self, lead: int = 0) -> None:
        self.last_voiced = 0.0
        self.streams: list[Stream] = []
        self._lead = lead
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
        """The bot's speech is over, so the next packet begins a new stream."""
        arrivals = self._arrivals[self._lead : len(self._arrivals) - self._unvoiced]
        if arrivals:
            self.streams.append(Stream(arrivals[-1], lateness([arrivals])))
        self._arrivals, self._unvoiced = [], 0

    def forget(self) -> None:
        """Forget the voiced packets so far; :meth:`first_after` looks at those that come from now on."""
        self._voiced.clear()

    def first_after(self, since: float) -> float | None:
        """When the first voiced packet after ``since`` came; ``None`` if none has come."""
        return next((at for at in self._voiced if at > since), None)
