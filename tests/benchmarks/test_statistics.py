"""The statistics of the benchmarks: medians, percentiles, late packets and slopes."""

from __future__ import annotations

import pytest

from benchmarks.statistics import lateness, robust_slope, spread


def stream(*late_by: float, start: float = 1000.0) -> list[float]:
    """Arrivals of one packet every 20 ms, each late by the given number of seconds."""
    return [start + 0.02 * number + late for number, late in enumerate(late_by)]


@pytest.mark.parametrize(
    ("values", "median", "p95"),
    [
        ([3.0], 3.0, 3.0),
        ([float(n) for n in range(1, 21)], 10.5, 19.0),
        ([float(n) for n in range(100, 0, -1)], 50.5, 95.0),
    ],
)
def test_spread_takes_the_nearest_rank(values: list[float], median: float, p95: float) -> None:
    found = spread(values)
    assert (found.median, found.p95, found.greatest) == (median, p95, max(values))
    assert found.median_and_p95 == f"{median:.0f} / {p95:.0f}"


def test_a_stream_on_time_has_no_late_packet_and_no_hole() -> None:
    found = lateness([stream(0.0, 0.004, 0.019, 0.0)])
    assert (found.packets, found.late, found.holes, found.percent) == (4, 0, 0, 0.0)


def test_one_slow_packet_is_late_once_and_leaves_one_hole() -> None:
    found = lateness([stream(0.0, 0.0, 0.03, 0.0)])
    assert (found.late, found.holes, found.percent) == (1, 1, 25.0)
    assert found.longest_gap == pytest.approx(0.05)


def test_a_delay_that_stays_makes_every_packet_after_it_late() -> None:
    assert lateness([stream(0.0, *[0.025] * 9)]).late == 9


def test_a_clock_that_runs_slow_is_found_although_no_gap_is_long() -> None:
    found = lateness([stream(*(0.001 * number for number in range(40)))])
    assert found.holes == 0
    assert found.late == 19


def test_each_stream_has_its_own_clock() -> None:
    found = lateness([stream(0.0, 0.0), stream(0.0, 0.0, start=2000.0)])
    assert (found.packets, found.late) == (4, 0)
    assert found.longest_gap == pytest.approx(0.02)


def test_the_gap_at_the_start_is_that_between_the_first_two_packets() -> None:
    found = lateness([stream(0.0, 0.04, 0.0), stream(0.0, 0.0, 0.05)])
    assert found.first_gap == pytest.approx(0.06)


def test_no_packets_are_no_error() -> None:
    assert lateness([]).percent == 0.0


def test_a_slope_is_not_moved_by_a_single_step_or_by_outliers() -> None:
    times = [float(n) for n in range(50)]
    values = [2.0 + 0.5 * at for at in times]
    assert robust_slope(times, values) == pytest.approx(0.5)
    for at in (3, 20, 41):
        values[at] += 100.0
    assert robust_slope(times, values) == pytest.approx(0.5, abs=0.05)


def test_times_that_are_the_same_have_no_slope_between_them() -> None:
    assert robust_slope([0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 3.0, 3.0]) == pytest.approx(2.0)
