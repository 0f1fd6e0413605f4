"""The lengths of the pieces that Piper makes, on simulated machines of different speeds."""

from __future__ import annotations

import itertools

import pytest

from tts_server.engines.piper.network import FIRST_PIECE, MAX_HELD, MAX_PIECE, UNHEARD, PiecePlan

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

    def work(self, frames: int) -> None:
        """Let the time pass that a piece of ``frames`` frames takes."""
        self.now += self._fixed + self._each * (frames + CONTEXT)

    def make(self, frames: int) -> tuple[list[int], list[float]]:
        """Return the lengths of the pieces, and how much sound was left to play when each further sound came."""
        lengths, left, end, passed_on, began = list[int](), list[float](), 0, 0, None
        plan = PiecePlan(frames, CONTEXT, FRAME_SECONDS, lambda: self.now)
        for begin, finish in plan:
            assert begin == end
            self.work(finish - begin)
            lengths.append(finish - begin)
            end = finish
            if plan.piece_ready():
                if began is None:
                    began = self.now
                else:
                    left.append(passed_on * FRAME_SECONDS - UNHEARD - (self.now - began))
                passed_on = end
        assert passed_on == end == frames
        return lengths, left


def test_a_quiet_machine_computes_a_clause_in_few_pieces() -> None:
    lengths, _ = Machine(QUIET, FIXED).make(179)
    assert lengths[0] == FIRST_PIECE
    assert len(lengths) <= 3


@pytest.mark.parametrize("slower", [2, 3, 4, 5, 6, 7, 8, 9])
def test_on_a_busy_machine_each_piece_comes_while_the_sound_before_it_still_plays(slower: float) -> None:
    _, left = Machine(slower * QUIET, slower * FIXED).make(400)
    assert left
    assert min(left) > 0


def test_the_first_sound_waits_only_on_a_busy_machine() -> None:
    quiet, busy = Machine(QUIET, FIXED), Machine(7 * QUIET, 7 * FIXED)
    assert first_sound(quiet) == FIRST_PIECE
    assert first_sound(busy) == 2 * FIRST_PIECE


def test_a_machine_that_cannot_keep_up_passes_sound_on_when_a_second_of_it_is_held_back() -> None:
    machine = Machine(2 * FRAME_SECONDS)
    assert MAX_HELD <= first_sound(machine) * FRAME_SECONDS <= 2 * MAX_HELD


def first_sound(machine: Machine) -> int:
    """Return how many frames the machine has made when the first sound is passed on."""
    plan = PiecePlan(1_000, CONTEXT, FRAME_SECONDS, lambda: machine.now)
    for begin, end in plan:
        machine.work(end - begin)
        if plan.piece_ready():
            return end
    raise AssertionError("no sound was passed on")


def test_a_stopped_clock_makes_no_piece_longer_than_the_limit() -> None:
    assert max(Machine(0.0).make(2_000)[0]) <= MAX_PIECE


@pytest.mark.parametrize("speed", [0.0, QUIET, 10 * QUIET, FRAME_SECONDS])
def test_each_frame_is_in_one_piece(speed: float) -> None:
    for frames in itertools.chain(range(1, 60), (179, 191, 193, 300, 2_500)):
        lengths, _ = Machine(speed).make(frames)
        assert sum(lengths) == frames
        assert lengths[0] <= 1.5 * FIRST_PIECE
