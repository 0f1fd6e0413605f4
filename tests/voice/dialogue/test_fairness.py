"""When several people want answers, one person can't have all of them."""

from __future__ import annotations

from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.dialogue.prompt_queue import MAX_WAITING
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.turn import Prompt
from tests.voice.dialogue.machine_events import TURN, spoken
from tests.voice.effects import effects_of, only

ADA, BEN, CLEO = 1, 2, 3


def asked(*questions: tuple[int, str]) -> list[on.Event]:
    return [on.Prompted(Prompt(str(person), text, 0.0, person=person)) for person, text in questions]


def order_of_answers(*questions: tuple[int, str]) -> list[str]:
    """Ask all at once; returns the questions in the order in which they are answered."""
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(dialogue, *asked(*questions))
    for number in range(1, len(questions) + 1):
        effects += effects_of(dialogue, on.ModelDone(f"r{number}"))
    return [effect.prompt.text for effect in only(do.AskModel, effects)]


def test_whoever_was_answered_more_often_waits_for_the_others() -> None:
    questions = [(ADA, "a1"), (ADA, "a2"), (ADA, "a3"), (BEN, "b1"), (CLEO, "c1"), (BEN, "b2")]
    assert order_of_answers(*questions) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_person_alone_is_answered_in_order() -> None:
    assert order_of_answers((ADA, "a1"), (ADA, "a2"), (ADA, "a3")) == ["a1", "a2", "a3"]


def test_people_who_take_turns_are_answered_in_order() -> None:
    assert order_of_answers((ADA, "a1"), (BEN, "b1"), (ADA, "a2"), (BEN, "b2")) == ["a1", "b1", "a2", "b2"]


def test_a_person_with_many_waiting_messages_gives_one_up_for_somebody_who_has_none() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, *asked(*((ADA, f"a{number}") for number in range(MAX_WAITING + 1))))
    effects = effects_of(dialogue, *asked((BEN, "b1")))
    assert [effect.prompt.text for effect in only(do.Refuse, effects)] == [f"a{MAX_WAITING}"]
    assert [effect.prompt.text for effect in only(do.Acknowledge, effects)] == ["b1"]
    assert dialogue.waiting == MAX_WAITING
    effects = effects_of(dialogue, *asked((ADA, "one more")))
    assert [effect.prompt.text for effect in only(do.Drop, effects)] == ["one more"], (
        "whoever has been told is not told again"
    )


def test_the_waiting_messages_are_answered_if_a_turn_with_a_prepared_reply_is_refused() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.TurnSpeculated(spoken("what", TURN)))
    effects_of(dialogue, *asked(*((person, "hello") for person in range(MAX_WAITING))))
    effects = effects_of(dialogue, on.TurnCommitted(spoken("what is up", TURN)))
    assert [effect.prompt.text for effect in only(do.Refuse, effects)] == ["what is up"]
    assert [effect.prompt.text for effect in only(do.AskModel, effects)] == ["hello"]
