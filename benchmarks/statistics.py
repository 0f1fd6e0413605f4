"""Medians, percentiles, and the lateness of a stream of packets."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

FRAME_SECONDS = 0.02
HOLE_SECONDS = 0.04
"""If the gap between two packets is longer than this many seconds, a listener may hear a hole."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, 95th percentile (nearest rank) and greatest of some values."""

    median: float
    p95: float
    greatest: float

    @property
    def median_and_p95(self) -> str:
        """Median and 95th percentile in whole numbers, for a table."""
        return f"{self.median:.0f} / {self.p95:.0f}"


def spread(values: Sequence[float]) -> Spread:
    """The spread of at least one value."""
    ordered = sorted(values)
    # Integers, since 0.95 times a count may be just above the right rank.
    rank = (95 * len(ordered) + 99) // 100
    return Spread(statistics.median(ordered), ordered[rank - 1], ordered[-1])


@dataclass(frozen=True, slots=True)
class Lateness:
    """The timing of streams with one packet every 20 ms.

    Attributes:
        packets: the number of packets.
        late: packets that came more than 20 ms after they were due. The first packet of a stream sets the clock, so
            that a growing delay counts too.
        holes: the number of gaps of more than 40 ms.
        longest_gap: the longest gap in seconds.
        first_gap: the longest gap between the first two packets of a stream, in seconds.
    """

    packets: int
    late: int
    holes: int
    longest_gap: float
    first_gap: float

    @property
    def percent(self) -> float:
        """The share of late packets, in percent."""
        return 100 * self.late / self.packets if self.packets else 0.0


def lateness(streams: Sequence[Sequence[float]]) -> Lateness:
    """The lateness of several streams of arrival times, in seconds."""
    gaps = [later - earlier for stream in streams for earlier, later in pairwise(stream)]
    late = sum(
        arrival - (stream[0] + FRAME_SECONDS * number) > FRAME_SECONDS
        for stream in streams
        for number, arrival in enumerate(stream)
    )
    first_gaps = [stream[1] - stream[0] for stream in streams if len(stream) > 1]
    return Lateness(
        packets=sum(map(len, streams)),
        late=late,
        holes=sum(gap > HOLE_SECONDS for gap in gaps),
        longest_gap=max(gaps, default=0.0),
        first_gap=max(first_gaps, default=0.0),
    )


def robust_slope(times: Sequence[float], values: Sequence[float]) -> float:
    """The slope of a line through some points. Single steps and outliers hardly change it (Theil and Sen).

    It is the median of the slopes between all pairs. There must be at least two different times.
    """
    at, value = np.asarray(times, float), np.asarray(values, float)
    earlier, later = np.triu_indices(len(at), 1)
    apart = at[later] - at[earlier]
    slopes = (value[later] - value[earlier])[apart != 0] / apart[apart != 0]
    return float(np.median(slopes))
