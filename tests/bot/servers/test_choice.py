"""Tests of the choice of a server. Server 0 is preferred, and server 1 stands in for it."""

from __future__ import annotations

import pytest

from bot.servers.choice import DOWN_RESTS, MISSES, PROBE_EVERY, PROBE_RARELY, SLOW_RESTS, Candidate, ServerChoice
from tests.timing import Clock

FREE, PAID = Candidate(), Candidate(paid=True, hosted=True)


def choice_of(*servers: Candidate) -> tuple[ServerChoice, Clock]:
    """A choice whose servers have all answered their first probe."""
    clock = Clock()
    choice = ServerChoice(servers or (FREE, FREE), clock)
    for server in choice.due():
        choice.probed(server, ready=True)
    return choice, clock


def probe(choice: ServerChoice, clock: Clock, *, ready: bool) -> None:
    """Let time pass until a probe is due, and give it this result."""
    clock.now += choice.until_due()
    for server in choice.due():
        choice.probed(server, ready=ready)


def test_the_preferred_server_is_asked_first_and_then_the_others_once_each() -> None:
    choice, _ = choice_of(FREE, FREE, PAID)
    assert [choice.next(()), choice.next({0}), choice.next({0, 1}), choice.next({0, 1, 2})] == [0, 1, 2, None]


def test_a_server_that_failed_is_not_asked_first_until_a_probe_finds_it_again() -> None:
    choice, clock = choice_of()
    choice.failed(0)
    assert (choice.current, choice.next(())) == (1, 1)
    assert choice.due() == []
    probe(choice, clock, ready=False)
    assert choice.current == 1
    probe(choice, clock, ready=True)
    assert choice.current == 0


def test_the_pause_between_probes_doubles_with_each_failed_one_up_to_30_s() -> None:
    choice, clock = choice_of()
    choice.failed(0)
    waits = []
    for _ in range(8):
        clock.now += choice.until_due()
        choice.probed(0, ready=False)
        choice.probed(1, ready=True)
        waits.append(choice.until_due())
    assert waits == [2, 4, 8, 16, 30, 30, 30, 30]


def test_a_server_that_answers_probes_but_no_questions_rests_longer_each_time() -> None:
    choice, clock = choice_of()
    rests = []
    for _ in range(len(DOWN_RESTS) + 1):
        choice.probed(1, ready=True)
        choice.failed(0)
        rests.append(choice.until_due())
        clock.now += rests[-1]
        choice.probed(0, ready=True)
        assert choice.current == 0
    assert rests == [2, 10, 30, 30, 30, 30]  # Server 1 is probed every 30 s, so longer rests do not show here.
    choice.answered(0)
    choice.probed(1, ready=True)
    choice.failed(0)
    assert choice.until_due() == DOWN_RESTS[0]


def test_a_slow_server_rests_longer_than_one_that_is_down() -> None:
    choice, clock = choice_of(FREE, PAID)
    choice.failed(0, slow=True)
    clock.now += SLOW_RESTS[0] - 0.1
    assert 0 not in choice.due()
    clock.now += 0.1
    assert 0 in choice.due()


def test_one_failed_probe_is_no_fault_but_two_in_a_row_are() -> None:
    choice, clock = choice_of()
    clock.now += PROBE_EVERY
    for missed in range(1, MISSES + 1):
        choice.probed(0, ready=False)
        assert choice.current == (1 if missed == MISSES else 0)


def test_a_server_that_has_never_answered_is_down_after_one_probe() -> None:
    choice = ServerChoice((FREE, FREE), Clock())
    choice.probed(0, ready=False)
    assert choice.current == 1


def test_an_answer_between_two_failed_probes_shows_that_the_server_is_up() -> None:
    choice, _ = choice_of()
    choice.probed(0, ready=False)
    choice.answered(0)
    choice.probed(0, ready=False)
    assert choice.current == 0


def test_a_probe_that_began_before_an_answer_failed_proves_nothing() -> None:
    choice, clock = choice_of()
    begun = clock.now
    clock.now += 1
    choice.failed(0)
    choice.probed(0, ready=True, begun=begun)
    assert choice.current == 1
    assert choice.until_due() == DOWN_RESTS[0]


def test_until_its_end_a_call_stays_with_the_server_that_stood_in() -> None:
    choice, clock = choice_of()
    choice.begin_call()
    choice.failed(0)
    probe(choice, clock, ready=True)
    assert choice.is_up(0)
    assert choice.current == 1
    choice.end_call()
    assert choice.current == 0


def test_a_call_moves_back_if_the_server_that_stood_in_fails_too() -> None:
    choice, clock = choice_of()
    choice.begin_call()
    choice.failed(0)
    probe(choice, clock, ready=True)
    choice.failed(1)
    assert choice.current == 0


def test_a_call_leaves_a_server_that_costs_money_as_soon_as_a_free_one_is_back() -> None:
    choice, clock = choice_of(FREE, PAID)
    choice.begin_call()
    choice.failed(0)
    assert choice.current == 1
    probe(choice, clock, ready=True)
    assert choice.current == 0


def test_a_call_does_not_leave_a_server_that_costs_money_for_a_less_preferred_one() -> None:
    choice, clock = choice_of(PAID, FREE)
    choice.begin_call()
    clock.now += PROBE_RARELY
    choice.probed(1, ready=True)
    assert choice.current == 0


def test_if_all_servers_are_down_they_are_asked_nevertheless() -> None:
    choice, _ = choice_of()
    choice.failed(0)
    choice.failed(1)
    assert not choice.has_other(())
    assert {choice.next(()), choice.next({choice.current})} == {0, 1}
    choice.answered(0)
    assert choice.current == 0


@pytest.mark.parametrize("tried", [set(), {0}])
def test_a_server_that_is_down_is_asked_after_those_that_are_up(tried: set[int]) -> None:
    choice, _ = choice_of(FREE, FREE, FREE)
    choice.failed(1)
    assert choice.next({*tried, 0}) == 2


def test_hosted_servers_are_probed_rarely() -> None:
    choice, _ = choice_of(PAID)
    assert choice.until_due() == PROBE_RARELY


def test_a_move_is_reported_once_and_the_way_back_too() -> None:
    choice, clock = choice_of(FREE, PAID)
    choice.begin_call()
    assert choice.take_news() is None
    choice.failed(0)
    assert (choice.take_news(), choice.take_news()) == ((0, 1), None)
    probe(choice, clock, ready=True)
    assert (choice.take_news(), choice.take_news()) == ((1, 0), None)


def test_a_call_that_begins_with_a_stand_in_learns_of_it() -> None:
    choice, _ = choice_of()
    choice.failed(0)
    assert choice.take_news() == (0, 1)
    choice.begin_call()
    assert choice.take_news() == (0, 1)


def test_each_of_several_calls_learns_of_a_move() -> None:
    choice, clock = choice_of(FREE, PAID)
    choice.begin_call()
    choice.failed(0)
    assert [choice.take_news(slot) for slot in (0, 1, 0, 1)] == [(0, 1), (0, 1), None, None]
    probe(choice, clock, ready=True)
    assert [choice.take_news(slot) for slot in (0, 1, 2)] == [(1, 0), (1, 0), None]
