"""The lengths of the pieces that Piper makes, on simulated machines of different speeds."""

from __future__ import annotations

import itertools

import pytest

from tts_server.engines.piper.network import FIRST_PIECE, LONGEST_PIECE, piece_bounds

FRAME_SECONDS = 0.0116
CONTEXT = 20
QUIET, FIXED = 0.0004, 0.005
"""Seconds of work for each frame, and the seconds that each piece adds, on two idle cores."""


class Machine:
    """Simulates a machine that makes pieces; ``fixed`` is each piece's time in addition to that of its frames."""

    def __init__(self, frame_seconds: float, fixed: float = 0.0) -> None:
        self.now = 1_000.0
        self._each = frame_seconds
        self._fixed = fixed

    def make(self, frames: int) -> tuple[list[int], list[float]]:
        """Return the lengths of the pieces, and how much sound remained when each piece but the first was ready."""
        lengths, left, end, began = list[int](), list[float](), 0, 0.0
        for begin, finish in piece_bounds(frames, CONTEXT, FRAME_SECONDS, lambda: self.now):
            assert begin == end
            self.now += self._fixed + self._each * (finish - begin + CONTEXT)
            began = began or self.now
            left.append(begin * FRAME_SECONDS - (self.now - began))
            lengths.append(finish - begin)
            end = finish
        assert end == frames
        return lengths, left[1:]


def test_a_quiet_machine_makes_a_clause_in_two() -> None:
    assert Machine(QUIET, FIXED).make(179)[0] == [FIRST_PIECE, 179 - FIRST_PIECE]


def test_a_busy_one_makes_more_and_each_comes_with_time_to_spare() -> None:
    lengths, left = Machine(5 * QUIET, 5 * FIXED).make(400)
    assert len(lengths) > 3
    assert min(left) > 0.02


def test_one_that_can_not_keep_up_makes_pieces_twice_as_long_each_time() -> None:
    lengths, _ = Machine(2 * FRAME_SECONDS).make(12 + 24 + 48 + 96 + 192 + 192)
    assert lengths == [12, 24, 48, 96, LONGEST_PIECE, LONGEST_PIECE]


def test_a_clock_that_stands_still_makes_no_piece_longer_than_the_longest() -> None:
    assert max(Machine(0.0).make(2_000)[0]) <= 1.5 * LONGEST_PIECE


@pytest.mark.parametrize("speed", [0.0, QUIET, 10 * QUIET, FRAME_SECONDS])
def test_each_frame_is_in_one_piece(speed: float) -> None:
    for frames in itertools.chain(range(1, 60), (179, 191, 193, 300, 2_500)):
        lengths, _ = Machine(speed).make(frames)
        assert sum(lengths) == frames
        assert lengths[0] <= 1.5 * FIRST_PIECE
