"""Figures of the turns of one day, and how they change over time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.voice.metrics import Summary

DAY = 86_400.0
"""Seconds for which figures are kept."""
MAX_TURNS = 10_000
"""Number of the newest turns that are kept: one every 9 s for a day."""
PERIOD = 600.0
"""Seconds of a period, for which one median and one 95th percentile are calculated."""

Row = tuple[float, Sequence[float | None]]
"""When a turn ended, in seconds since 1970, and its figures."""


@dataclass(frozen=True, slots=True)
class DayCurve:
    """One figure of all turns of a day, in milliseconds. Times are in seconds since 1970.

    Attributes:
        at, ms: the end of each turn that has the figure, and the figure.
        periods: the middle of each period in which there were such turns, but never later than the newest turn.
        medians, p95s: median and 95th percentile of each period.
    """

    at: Sequence[float]
    ms: Sequence[float]
    periods: Sequence[float]
    medians: Sequence[float]
    p95s: Sequence[float]


class DayFigures:
    """Keeps the figures of the last 24 hours, of at most :data:`MAX_TURNS` turns.

    Args:
        names: names of the figures, in the order of the values of :meth:`add`.
        now: returns the seconds since 1970.
    """

    def __init__(self, names: Sequence[str], now: Callable[[], float]) -> None:
        self._places = {name: place for place, name in enumerate(names)}
        self._now = now
        self._rows: deque[Row] = deque(maxlen=MAX_TURNS)

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, at: float, values: Sequence[float | None]) -> None:
        """Add a turn."""
        self._rows.append((at, tuple(values)))
        self._forget_old()

    def rows(self) -> Sequence[Row]:
        """A copy of the turns, the newest last, for :meth:`curve` in another thread."""
        self._forget_old()
        return tuple(self._rows)

    def curve(self, rows: Sequence[Row], figure: str) -> DayCurve:
        """One figure of these turns. Takes some milliseconds; thread-safe. Raises :class:`KeyError`."""
        place = self._places[figure]
        points = [(at, value) for at, values in rows if (value := values[place]) is not None]
        periods: dict[int, list[float]] = {}
        for at, value in points:
            periods.setdefault(math.floor(at / PERIOD), []).append(value)
        summaries = [
            (min(PERIOD * (number + 0.5), points[-1][0]), summary)
            for number, values in sorted(periods.items())
            if (summary := Summary.of(values)) is not None
        ]
        return DayCurve(
            [at for at, _ in points],
            [value for _, value in points],
            [at for at, _ in summaries],
            [summary.median for _, summary in summaries],
            [summary.p95 for _, summary in summaries],
        )

    def _forget_old(self) -> None:
        oldest = self._now() - DAY
        while self._rows and self._rows[0][0] < oldest:
            self._rows.popleft()
