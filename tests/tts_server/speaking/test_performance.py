"""When the engine that is wanted is spared, why, and when it is tried again."""

from __future__ import annotations

import pytest

from tts_server.speaking.performance import FIRST_WAIT, LONGEST_WAIT, LowReason, Performance, Work

SLOW, FAST = Work(audio=1.0, busy=1.2), Work(audio=3.0, busy=1.0)


class Watched:
    """A performance, its clock, and what it told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[LowReason | None] = []
        self.performance = Performance(lambda: self.now, self.told.append)

    def low(self) -> LowReason | None:
        return self.performance.low

    def work(self, *works: Work) -> LowReason | None:
        for work in works:
            self.performance.worked(work)
        return self.performance.low


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_slower_than_speech_for_some_seconds_is_too_slow_and_one_slow_clause_is_not(watched: Watched) -> None:
    assert watched.work(SLOW, SLOW) is None
    assert watched.work(SLOW) == "too_slow"
    assert watched.told == ["too_slow"]


def test_a_slow_clause_among_fast_ones_is_no_matter(watched: Watched) -> None:
    assert watched.work(*[SLOW, FAST] * 20) is None


def test_it_comes_back_by_itself_and_stays_where_it_is_fast_again(watched: Watched) -> None:
    watched.work(SLOW, SLOW, SLOW)
    watched.now += FIRST_WAIT
    assert watched.performance.look() is None
    assert watched.work(FAST, SLOW, SLOW) is None
    assert watched.told == ["too_slow", None]


def test_still_slow_when_it_is_tried_again_it_is_spared_at_once_and_longer(watched: Watched) -> None:
    watched.work(SLOW, SLOW, SLOW)
    for wait in (FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT, 8 * FIRST_WAIT, LONGEST_WAIT, LONGEST_WAIT):
        watched.now += wait - 0.1
        assert watched.low() == "too_slow"
        watched.now += 0.1
        assert watched.low() is None
        assert watched.work(SLOW) == "too_slow"


def test_what_was_under_way_when_it_was_spared_says_nothing_new(watched: Watched) -> None:
    watched.performance.failed("out_of_memory")
    assert watched.work(FAST, FAST) == "out_of_memory"
    watched.performance.failed("failed")
    watched.now += FIRST_WAIT
    assert watched.low() is None
    assert watched.told == ["out_of_memory"]


def test_asked_for_it_lasts_until_it_is_taken_back_which_also_ends_a_wait(watched: Watched) -> None:
    watched.performance.failed("failed")
    watched.performance.ask(low=True)
    watched.now += 10 * LONGEST_WAIT
    assert watched.low() == "asked"
    watched.performance.failed("failed")
    watched.performance.ask(low=False)
    assert watched.low() is None
    assert watched.told == ["failed", "asked", None]


def test_less_than_a_fifth_to_spare_is_too_slow(watched: Watched) -> None:
    assert watched.work(*[Work(audio=1.0, busy=0.75)] * 20) is None
    assert watched.work(*[Work(audio=1.0, busy=0.85)] * 20) == "too_slow"
