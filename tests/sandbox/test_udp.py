"""Tests of the times at which packets arrive: two clocks are read as nearly at the same moment as possible."""

from __future__ import annotations

from itertools import chain, repeat

from sandbox.voice.udp import both_clocks


def test_clocks_are_read_again_if_another_program_ran_in_between() -> None:
    monotonic = iter([1.0, 1.02, 1.0201, 1.0202])
    wall_clock = iter([101.015, 101.0201])
    assert both_clocks(lambda: next(monotonic), lambda: next(wall_clock)) == (1.0201, 101.0201)


def test_on_a_machine_that_is_always_busy_the_last_reading_counts() -> None:
    monotonic = chain.from_iterable((float(number), number + 0.5) for number in range(100))
    wall_clock = repeat(7.0)
    assert both_clocks(lambda: next(monotonic), lambda: next(wall_clock)) == (4.0, 7.0)
