"""Decides whether now is a good moment for a post. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from bot.features.autonomous_talk.records import ChannelRecord

MIN_SILENCE = 5 * 60.0
"""Seconds that must have passed since the last message, so that the bot does not interrupt a conversation."""
MAX_SILENCE = 12 * 3600.0
"""If the last message is older than this number of seconds, the bot leaves the inactive channel alone."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Quiet hours of the day: from ``start`` (included) to ``end`` (excluded). If both are equal, no hour is quiet."""

    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a text such as ``23-8``; an empty text means no quiet hours. Raises :class:`ValueError`."""
        if not text:
            return cls(0, 0)
        start, _, end = text.partition("-")
        return cls(int(start), int(end))

    def cover(self, hour: int) -> bool:
        """Whether this hour of the day (0 to 23) is quiet."""
        if self.start <= self.end:
            return self.start <= hour < self.end
        return hour >= self.start or hour < self.end


def is_good_moment(channel: ChannelRecord, now: float) -> bool:
    """Whether a post is due, the last post was answered, and the last message is neither too new nor too old."""
    silence = now - channel.heard_at
    return channel.answered and now >= channel.due_at and MIN_SILENCE <= silence <= MAX_SILENCE
