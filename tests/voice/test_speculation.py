"""The budgets of speculative replies and of transcriptions at pauses: how many may be discarded in any minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.voice.speculation import PERIOD, Speculation, SpeculationBudget
from tests.timing import Clock


def test_once_the_budget_is_spent_no_reply_is_begun_early_until_the_first_discarded_one_is_a_minute_old() -> None:
    clock = Clock()
    budget = SpeculationBudget(2, clock)
    for _ in range(2):
        assert budget.allows()
        budget.note_discarded()
        clock.pass_by(10)
    assert not budget.allows()
    clock.pass_by(PERIOD - 20.5)
    assert not budget.allows()
    clock.pass_by(0.5)
    assert budget.allows()
    assert not budget.allows(undecided=1), "the undecided one may be discarded too"


@given(st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=200), st.integers(1, 5))
def test_no_minute_has_more_discarded_replies_than_allowed(steps: list[tuple[float, bool]], most: int) -> None:
    clock = Clock()
    budget = SpeculationBudget(most, clock)
    wrong: list[float] = []
    for pause, is_wrong in steps:
        clock.pass_by(pause)
        if budget.allows() and is_wrong:
            budget.note_discarded()
            wrong.append(clock.now)
    for at in wrong:
        assert sum(at - PERIOD < other <= at for other in wrong) <= most


def test_transcriptions_are_unlimited_unless_they_cost_money_or_are_off() -> None:
    clock = Clock()
    free = SpeculationBudget.of_words(Speculation(wrong_a_minute=1), clock)
    paid = SpeculationBudget.of_words(Speculation(wrong_a_minute=1, words_cost=True), clock)
    for budget in (free, paid):
        assert budget.allows()
        budget.note_discarded()
    assert free.allows()
    assert not paid.allows()
    assert not SpeculationBudget.of_words(Speculation(words=False), clock).allows()
