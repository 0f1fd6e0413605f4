"""The benchmark of many calls: its verdicts, and what the figures of several calls add up to."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from benchmarks.many_calls import Measured, as_figures, verdicts
from benchmarks.many_calls_client import CallFigures
from benchmarks.statistics import Lateness


def stream(late: int, packets: int = 1_000) -> list[float]:
    """The times at which packets arrive, in seconds. The last ``late`` packets are late."""
    return [0.02 * number + (0.03 if number >= packets - late else 0.0) for number in range(packets)]


def measured(late: Sequence[int], clock_late: int) -> Measured:
    """Calls with so many late packets each. The bare clock, a process that only sends packets, has ``clock_late``."""
    calls = [CallFigures([500.0, 600.0], [stream(each)]) for each in late]
    return Measured(calls, Lateness(10_000, clock_late, 0, 0.02, 0.02), 0.5, 1.0, 120_000_000)


@pytest.mark.parametrize(
    ("late", "clock_late", "met"), [((0, 0), 0, True), ((1, 1), 0, True), ((2, 1), 1, False), ((2, 2), 10, True)]
)
def test_late_packets_are_judged_beside_those_of_the_bare_clock(
    late: Sequence[int], clock_late: int, met: bool
) -> None:
    (verdict,) = verdicts({len(late): measured(late, clock_late)})
    assert verdict[1] is met


def test_the_figures_name_the_worst_call() -> None:
    figures = as_figures({2: measured((0, 5), 0)})["2"]
    assert (figures["packets"], figures["late_percent"], figures["worst_call_late_percent"]) == (2_000, 0.25, 0.5)
    assert figures["first_packet_ms"] == [[500.0, 600.0], [500.0, 600.0]]
