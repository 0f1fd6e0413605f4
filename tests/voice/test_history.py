"""What is kept of the last words of a call."""

from __future__ import annotations

from bot.voice.events import RemarkHeard, ReplyEnded, Told
from bot.voice.history import KEPT_LINES, CallHistory
from bot.voice.metrics import TurnTrace
from bot.voice.turn import Outcome
from bot.voice.turns.end_of_turn import Line


def test_people_and_the_bot_are_kept_in_their_order_and_the_oldest_makes_room() -> None:
    history = CallHistory()
    for number in range(KEPT_LINES):
        history.note(RemarkHeard(1, "Ada", f"Question {number}?", addressed=True))
        history.note(Told("🔴 Recording."))
        history.note(ReplyEnded(TurnTrace(f"r{number}", Outcome.SPOKEN, 0.0), f"Answer {number}."))
    assert len(history.lines()) == KEPT_LINES
    assert history.lines()[-2:] == (Line(1, f"Question {KEPT_LINES - 1}?"), Line(None, f"Answer {KEPT_LINES - 1}."))


def test_nothing_is_kept_of_who_no_longer_wants_to_be_listened_to() -> None:
    history = CallHistory()
    for person in (1, 2):
        history.note(RemarkHeard(person, "somebody", "Hello.", addressed=False))
    history.forget(1)
    assert history.lines() == (Line(2, "Hello."),)
