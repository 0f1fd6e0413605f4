"""When it is a good moment to say something. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from bot.features.autonomous_talk.records import ChannelRecord

SETTLED = 5 * 60.0
"""Seconds after which a conversation has paused: nobody is interrupted."""
LATELY = 12 * 3600.0
"""Seconds after which a channel is asleep: nobody is woken."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From an hour of the day to another, which is not quiet any more; the same twice: none at all."""

    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``23-8``, or nothing for no quiet hours; raises :class:`ValueError`."""
        if not text:
            return cls(0, 0)
        start, _, end = text.partition("-")
        return cls(int(start), int(end))

    def cover(self, hour: int) -> bool:
        """Whether this hour of the day (0 to 23) is quiet."""
        if self.start <= self.end:
            return self.start <= hour < self.end
        return hour >= self.start or hour < self.end


def is_occasion(channel: ChannelRecord, now: float) -> bool:
    """Whether something may be said there: it is due, the last remark was answered, people were there but pause."""
    silence = now - channel.heard_at
    return channel.answered and now >= channel.due_at and SETTLED <= silence <= LATELY
