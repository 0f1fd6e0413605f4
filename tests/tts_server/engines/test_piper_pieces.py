"""How much of a clause Piper makes at a time, by a clock that tells what machine it is."""

from __future__ import annotations

import itertools

import pytest

from tts_server.engines.piper.pieces import FIRST_PIECE, LONGEST_PIECE, pieces

COLUMN = 0.0116
AROUND = 20
QUIET, FIXED = 0.0004, 0.005
"""Seconds for each column, and for each piece besides, on two idle cores."""


class Machine:
    """Makes pieces; ``fixed`` is what each takes besides its columns."""

    def __init__(self, seconds_a_column: float, fixed: float = 0.0) -> None:
        self.now = 1_000.0
        self._each = seconds_a_column
        self._fixed = fixed

    def make(self, columns: int) -> tuple[list[int], list[float]]:
        """Returns the lengths of the pieces, and what sound was left in hand when each but the first came."""
        lengths, left, end, began = list[int](), list[float](), 0, 0.0
        for begin, finish in pieces(columns, AROUND, COLUMN, lambda: self.now):
            assert begin == end
            self.now += self._fixed + self._each * (finish - begin + AROUND)
            began = began or self.now
            left.append(begin * COLUMN - (self.now - began))
            lengths.append(finish - begin)
            end = finish
        assert end == columns
        return lengths, left[1:]


def test_a_quiet_machine_makes_a_clause_in_two() -> None:
    assert Machine(QUIET, FIXED).make(179)[0] == [FIRST_PIECE, 179 - FIRST_PIECE]


def test_a_busy_one_makes_more_and_each_comes_with_time_to_spare() -> None:
    lengths, left = Machine(5 * QUIET, 5 * FIXED).make(400)
    assert len(lengths) > 3
    assert min(left) > 0.02


def test_one_that_can_not_keep_up_makes_pieces_twice_as_long_each_time() -> None:
    lengths, _ = Machine(2 * COLUMN).make(12 + 24 + 48 + 96 + 192 + 192)
    assert lengths == [12, 24, 48, 96, LONGEST_PIECE, LONGEST_PIECE]


def test_a_clock_that_stands_still_makes_no_piece_longer_than_the_longest() -> None:
    assert max(Machine(0.0).make(2_000)[0]) <= 1.5 * LONGEST_PIECE


@pytest.mark.parametrize("speed", [0.0, QUIET, 10 * QUIET, COLUMN])
def test_each_column_is_in_one_piece(speed: float) -> None:
    for columns in itertools.chain(range(1, 60), (179, 191, 193, 300, 2_500)):
        lengths, _ = Machine(speed).make(columns)
        assert sum(lengths) == columns
        assert lengths[0] <= 1.5 * FIRST_PIECE
