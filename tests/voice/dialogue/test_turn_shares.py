"""Several people wait: whoever was answered least often in the last minute comes first."""

from __future__ import annotations

from collections import Counter

from bot.voice.dialogue.turn_shares import TurnShares
from bot.voice.turn import Prompt

ADA, BEN, CLEO = 1, 2, 3


def asks(person: int | None, at: float) -> Prompt:
    return Prompt(str(person), "What?", at, person=person)


def test_among_equals_the_oldest_prompt_comes_first_unless_its_author_was_answered_last() -> None:
    shares = TurnShares()
    first, second = asks(ADA, 0.0), asks(BEN, 1.0)
    assert shares.next_of([first, second]) is first
    shares.note(first)
    shares.note(second)
    assert shares.next_of([asks(BEN, 2.0), third := asks(ADA, 3.0)]) is third


def test_whoever_was_answered_often_lets_others_go_first() -> None:
    shares = TurnShares()
    for at in range(3):
        shares.note(asks(ADA, float(at)))
    shares.note(asks(BEN, 4.0))
    # Ben was answered last, but Ada three times.
    assert shares.next_of([asks(ADA, 5.0), ben := asks(BEN, 6.0)]) is ben


def test_after_a_minute_an_answer_no_longer_counts() -> None:
    shares = TurnShares()
    for at in range(3):
        shares.note(asks(ADA, float(at)))
    shares.note(asks(BEN, 50.0))
    assert shares.next_of([ada := asks(ADA, 65.0), asks(BEN, 66.0)]) is ada


def test_a_text_of_the_bots_own_goes_before_somebody_who_was_answered() -> None:
    shares = TurnShares()
    shares.note(asks(ADA, 0.0))
    assert shares.next_of([asks(ADA, 1.0), own := asks(None, 2.0)]) is own


def test_somebody_whose_prompt_is_always_the_oldest_gets_no_more_answers_than_the_others() -> None:
    shares, answered = TurnShares(), Counter[int]()
    for at in range(30):
        # All three always have a prompt that waits, and Ada's is always the oldest.
        prompt = shares.next_of([asks(ADA, float(at)), asks(BEN, at + 0.1), asks(CLEO, at + 0.2)])
        shares.note(prompt)
        answered[prompt.person or 0] += 1
    assert answered == {ADA: 10, BEN: 10, CLEO: 10}
