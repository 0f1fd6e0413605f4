"""Circuit breaker: when and why an engine is not used, and when it is tried again."""

from __future__ import annotations

import pytest

from tts_server.speaking.circuit_breaker import FIRST_WAIT, MAX_WAIT, CircuitBreaker, OpenReason, SynthesisTiming

SLOW, FAST = (
    SynthesisTiming(audio_seconds=1.0, synthesis_seconds=1.2),
    SynthesisTiming(audio_seconds=3.0, synthesis_seconds=1.0),
)


class Watched:
    """A circuit breaker with its clock and its reports."""

    def __init__(self) -> None:
        self.now = 0.0
        self.reported: list[OpenReason | None] = []
        self.breaker = CircuitBreaker(lambda: self.now, self.reported.append)

    def open_reason(self) -> OpenReason | None:
        return self.breaker.open_reason

    def work(self, *works: SynthesisTiming) -> OpenReason | None:
        for work in works:
            self.breaker.record_success(work)
        return self.breaker.open_reason


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_an_engine_is_too_slow_after_some_slow_seconds_but_not_after_one_slow_clause(watched: Watched) -> None:
    assert watched.work(SLOW, SLOW) is None
    assert watched.work(SLOW) == "too_slow"
    assert watched.reported == ["too_slow"]


def test_a_slow_clause_among_fast_ones_does_not_matter(watched: Watched) -> None:
    assert watched.work(*[SLOW, FAST] * 20) is None


def test_a_spared_engine_comes_back_by_itself_and_stays_if_it_is_fast_again(watched: Watched) -> None:
    watched.work(SLOW, SLOW, SLOW)
    watched.now += FIRST_WAIT
    assert watched.breaker.check() is None
    assert watched.work(FAST, FAST, FAST, SLOW, SLOW) is None
    assert watched.reported == ["too_slow", None]


def test_one_fast_clause_does_not_prove_that_an_engine_is_fast_again(watched: Watched) -> None:
    watched.work(SLOW, SLOW, SLOW)
    for wait in (FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT):
        watched.now += wait - 0.1
        assert watched.open_reason() == "too_slow"
        watched.now += 0.1
        assert watched.breaker.check() is None
        assert watched.work(FAST) is None
        assert watched.work(SLOW, SLOW, SLOW, SLOW) == "too_slow"
    assert set(watched.reported) == {"too_slow"}


def test_an_engine_that_came_back_for_a_short_while_is_spared_for_longer(watched: Watched) -> None:
    watched.work(SLOW, SLOW, SLOW)
    watched.now += FIRST_WAIT
    assert watched.work(*[FAST] * 4) is None
    assert watched.work(*[SLOW] * 20) == "too_slow"
    watched.now += 2 * FIRST_WAIT - 0.1
    assert watched.open_reason() == "too_slow"
    watched.now += 0.1
    assert watched.work(*[FAST] * 20) is None
    assert watched.work(*[SLOW] * 20) == "too_slow"
    watched.now += FIRST_WAIT
    assert watched.open_reason() is None
    assert watched.reported == ["too_slow", None, "too_slow", None, "too_slow"]


def test_an_engine_that_is_still_slow_at_the_next_attempt_is_spared_at_once_and_longer(watched: Watched) -> None:
    watched.work(SLOW, SLOW, SLOW)
    for wait in (FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT, 8 * FIRST_WAIT, MAX_WAIT, MAX_WAIT):
        watched.now += wait - 0.1
        assert watched.open_reason() == "too_slow"
        watched.now += 0.1
        assert watched.open_reason() is None
        assert watched.work(SLOW) == "too_slow"


def test_work_that_was_under_way_when_an_engine_was_spared_reports_nothing_new(watched: Watched) -> None:
    watched.breaker.record_failure("out_of_memory")
    assert watched.work(FAST, FAST) == "out_of_memory"
    watched.breaker.record_failure("failed")
    watched.now += FIRST_WAIT
    assert watched.open_reason() is None
    assert watched.reported == ["out_of_memory"]


def test_sparing_on_request_and_any_wait_beside_it_end_when_the_request_is_withdrawn(watched: Watched) -> None:
    watched.breaker.record_failure("failed")
    watched.breaker.hold_open(held=True)
    watched.now += 10 * MAX_WAIT
    assert watched.open_reason() == "asked"
    watched.breaker.record_failure("failed")
    watched.breaker.hold_open(held=False)
    assert watched.open_reason() is None
    assert watched.reported == ["failed", "asked", None]


def test_an_engine_with_less_than_a_fifth_of_its_time_to_spare_is_too_slow(watched: Watched) -> None:
    assert watched.work(*[SynthesisTiming(audio_seconds=1.0, synthesis_seconds=0.75)] * 20) is None
    assert watched.work(*[SynthesisTiming(audio_seconds=1.0, synthesis_seconds=0.85)] * 20) == "too_slow"
