"""Speculative replies: they are heard when they are committed, and never when they are discarded."""

from __future__ import annotations

from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.turn import Outcome
from tests.voice.dialogue.machine_events import ADA, TURN, speak, spoken, written_texts
from tests.voice.effects import effects_of, kinds
from wire.messages import Cancel, Flushed, Speak

AUDIBLE = (do.Play, do.FinishPlayback, do.MarkSegment, do.Tell, do.Remember)


def test_nothing_of_a_speculative_reply_is_heard_before_it_is_committed_and_then_all_of_it_in_order() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(
        dialogue, on.TurnSpeculated(spoken("what's up?")), *speak("r1", "All is well."), on.ModelDone("r1")
    )
    effects += effects_of(dialogue, Flushed(None, 0.0, "r1"))
    assert do.Send(Speak("All is well.", reply="r1")) in effects
    assert not any(isinstance(effect, AUDIBLE) for effect in effects)
    assert not dialogue.answering
    effects = effects_of(dialogue, on.TurnCommitted(spoken("what's up?")))
    assert kinds(effects) == [do.CommitReply, do.MarkSegment, do.Play, do.FinishPlayback]
    effects = effects_of(dialogue, on.PlaybackDrained("r1"))
    assert effects[-1] == do.EndReply("r1", Outcome.SPOKEN)


def test_a_discarded_speculative_reply_is_neither_heard_nor_remembered() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.TurnSpeculated(spoken("what's")), *speak("r1", "What's what?"))
    effects = effects_of(dialogue, on.TurnDiscarded(TURN))
    assert effects == [
        do.CloseModel("r1"),
        do.Send(Cancel("r1")),
        do.DropPlayback("r1"),
        do.EndReply("r1", Outcome.DISCARDED),
    ]


def test_a_turn_that_ends_with_other_words_gets_a_new_reply() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.TurnSpeculated(spoken("what's")), *speak("r1", "What's what?"))
    effects = effects_of(dialogue, on.TurnCommitted(spoken("what's up?")))
    assert do.EndReply("r1", Outcome.DISCARDED) in effects
    assert do.AskModel("r2", spoken("what's up?")) in effects
    assert dialogue.answering


def test_a_failure_of_the_model_at_a_speculative_reply_is_reported_when_the_turn_is_over() -> None:
    dialogue = Dialogue(DialogueTexts)
    assert (
        written_texts(
            effects_of(dialogue, on.TurnSpeculated(spoken("hi")), on.ModelFailed("r1", "❌ 500", timed_out=False))
        )
        == []
    )
    effects = effects_of(dialogue, on.TurnCommitted(spoken("hi")))
    assert written_texts(effects) == ["❌ 500"]
    assert effects[-1] == do.EndReply("r1", Outcome.FAILED)


def test_no_speculative_reply_is_made_while_prompts_wait() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA))
    assert effects_of(dialogue, on.TurnSpeculated(spoken("and me?"))) == []
    assert dialogue.waiting == 0


def test_a_prompt_that_came_during_a_speculative_reply_is_answered_when_that_reply_is_discarded() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.TurnSpeculated(spoken("what's")), on.Prompted(ADA))
    assert effects_of(dialogue, on.TurnDiscarded(TURN))[-1] == do.AskModel("r2", ADA)


def test_a_prompt_that_waits_behind_a_speculative_reply_is_answered_when_other_words_discard_the_reply() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.TurnSpeculated(spoken("what's")), on.Prompted(ADA))
    effects = effects_of(dialogue, on.TurnSpeculated(spoken("what's up?")))
    assert effects[-1] == do.AskModel("r2", ADA)
    assert effects_of(dialogue, on.TurnDiscarded(TURN)) == []
