"""Speech during a reply: the playback is held, and the reply ends or continues."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.restarting import RESTARTING
from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.dialogue.prompt_queue import MAX_WAITING
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.dialogue.unheard_prompts import MAX_BEGUN, NOT_ANSWERED
from bot.voice.turn import Outcome, Prompt, PromptKind, TurnId
from tests.voice.dialogue.machine_events import ADA, OTHER_TURN, SOUND, TURN, speak, spoken, written_texts
from tests.voice.effects import effects_of, only
from wire.messages import Flushed


def test_a_cough_holds_the_reply_and_then_the_reply_continues() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *speak("r1", "Once upon a time."))
    assert effects_of(dialogue, on.InterruptionStarted(TURN)) == [do.HoldPlayback()]
    assert effects_of(dialogue, on.FloorReleased(TURN)) == [do.ResumePlayback()]
    assert dialogue.current == "r1"


def test_words_end_the_reply_and_the_bot_stays_silent_until_they_are_over() -> None:
    dialogue = Dialogue(DialogueTexts)
    ben = Prompt("Ben", "and me?", 0.0, message=2)
    effects_of(
        dialogue,
        on.Prompted(ADA),
        *speak("r1", "Once upon a time."),
        on.Prompted(ben),
        on.InterruptionStarted(TURN),
    )
    effects = effects_of(dialogue, on.InterruptionConfirmed(TURN, position=len(SOUND)))
    assert do.Remember(ADA, "Once upon a time.", interrupted=True) in effects
    assert do.AskModel("r2", ben) in effects
    assert do.ResumePlayback() not in effects
    # The turn has ended one reply already. Its further words do not end the next one.
    assert effects_of(dialogue, on.InterruptionConfirmed(TURN, position=0)) == []
    effects = effects_of(dialogue, on.TurnCommitted(spoken("tell me another")), on.FloorReleased(TURN))
    assert effects[-1] == do.ResumePlayback()
    assert dialogue.waiting == 1, "the interrupting words wait for the end of the answer to Ben"


def test_playback_is_held_until_the_last_of_two_speakers_has_finished() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA))
    assert effects_of(dialogue, on.InterruptionStarted(TURN), on.InterruptionStarted(OTHER_TURN)) == [do.HoldPlayback()]
    assert effects_of(dialogue, on.FloorReleased(TURN)) == []
    assert effects_of(dialogue, on.FloorReleased(OTHER_TURN)) == [do.ResumePlayback()]


def test_words_of_a_turn_that_began_before_the_reply_do_not_end_it() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.InterruptionStarted(OTHER_TURN), on.Prompted(ADA))
    assert effects_of(dialogue, on.InterruptionConfirmed(OTHER_TURN, position=0)) == []
    assert dialogue.current == "r1"


FIRST_HALF, SECOND_HALF = TurnId(7, 1), TurnId(7, 2)
FROG = spoken("what is the difference between a frog?", FIRST_HALF)


def interrupted_unheard(prompt: Prompt, by: TurnId, *before: on.Event) -> Dialogue:
    """A dialogue in which words of another turn have ended the reply to ``prompt`` before anything was heard of it."""
    dialogue = Dialogue(DialogueTexts)
    begin = on.TurnCommitted(prompt) if prompt.turn else on.Prompted(prompt)
    effects = effects_of(dialogue, begin, *before, on.InterruptionStarted(by), on.InterruptionConfirmed(by, position=0))
    assert do.EndReply("r1", Outcome.INTERRUPTED) in effects
    return dialogue


def asked(effects: list[do.Effect]) -> list[str]:
    return [effect.prompt.text for effect in only(do.AskModel, effects)]


@pytest.mark.parametrize("prompt", [FROG, ADA], ids=["spoken", "typed"])
def test_a_prompt_is_answered_anew_if_the_turn_that_interrupted_it_comes_to_nothing(prompt: Prompt) -> None:
    dialogue = interrupted_unheard(prompt, SECOND_HALF, *speak("r1", "It is this."))
    effects = effects_of(dialogue, on.TurnDiscarded(SECOND_HALF), on.FloorReleased(SECOND_HALF))
    assert asked(effects) == [prompt.text]
    assert do.AnswerAnew(prompt) in effects, "its words leave the history, and come back with the new answer"
    assert effects[-1] == do.ResumePlayback()
    effects = effects_of(dialogue, *speak("r2", "It is that."), on.ModelDone("r2"), Flushed(None, 0.0, "r2"))
    effects += effects_of(dialogue, on.PlaybackDrained("r2"))
    assert [(each.prompt.text, each.heard) for each in only(do.Remember, effects)] == [(prompt.text, "It is that.")]
    assert dialogue.floor_free


def test_a_prompt_is_answered_anew_although_a_reply_to_the_interrupting_turn_was_prepared() -> None:
    dialogue = interrupted_unheard(FROG, SECOND_HALF)
    effects = effects_of(dialogue, on.TurnSpeculated(spoken("and a toe", SECOND_HALF)))
    assert asked(effects) == ["and a toe"]
    effects = effects_of(dialogue, on.TurnDiscarded(SECOND_HALF), on.FloorReleased(SECOND_HALF))
    assert asked(effects) == [FROG.text]


def test_one_reply_answers_both_prompts_of_a_person_who_speaks_on() -> None:
    dialogue = interrupted_unheard(FROG, SECOND_HALF)
    effects = effects_of(dialogue, on.TurnCommitted(spoken("and a toad?", SECOND_HALF)), on.FloorReleased(SECOND_HALF))
    assert asked(effects) == ["and a toad?"]
    assert dialogue.waiting == 0


@pytest.mark.parametrize(("prompt", "by"), [(FROG, OTHER_TURN), (ADA, SECOND_HALF)], ids=["another person", "typed"])
def test_a_prompt_that_the_interrupting_turn_does_not_continue_is_answered_too(prompt: Prompt, by: TurnId) -> None:
    dialogue = interrupted_unheard(prompt, by)
    effects = effects_of(dialogue, on.TurnCommitted(spoken("and me?", by)), on.FloorReleased(by))
    assert asked(effects) == ["and me?"]
    effects = effects_of(dialogue, on.ModelDone("r2"), Flushed(None, 0.0, "r2"), on.PlaybackDrained("r2"))
    assert asked(effects) == [prompt.text]


@pytest.mark.parametrize(
    "event",
    [on.Stopped(0), on.Dismissed(7, 0), on.RestartBegan(0, lambda _: True)],
    ids=["stop", "dismissal", "restart"],
)
def test_an_interrupted_prompt_is_not_answered_anew_after_a_stop_a_dismissal_or_a_restart(event: on.Event) -> None:
    prompt = replace(FROG, person=7)
    dialogue = interrupted_unheard(prompt, SECOND_HALF)
    effects = effects_of(dialogue, event, on.FloorReleased(SECOND_HALF))
    assert not asked(effects)
    kept = [prompt.text] if isinstance(event, on.RestartBegan) else []
    assert [each.text for each in dialogue.set_aside] == kept


def test_a_prompt_is_not_answered_anew_if_words_of_its_answer_were_heard() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.TurnCommitted(FROG), *speak("r1", "It is this."), on.InterruptionStarted(SECOND_HALF))
    effects = effects_of(
        dialogue, on.InterruptionConfirmed(SECOND_HALF, position=len(SOUND)), on.FloorReleased(SECOND_HALF)
    )
    assert not asked(effects)


def test_tools_do_not_run_twice_and_the_author_is_asked_to_ask_again() -> None:
    dialogue = interrupted_unheard(FROG, SECOND_HALF, on.ToolsBegan("r1"))
    effects = effects_of(dialogue, on.FloorReleased(SECOND_HALF))
    assert not asked(effects)
    assert do.Tell(NOT_ANSWERED, FROG) in effects


@pytest.mark.parametrize("late", [False, True], ids=["running", "late"])
def test_words_before_the_results_of_tools_are_no_answer(late: bool) -> None:
    """An interruption ends the tools, so their results never come, although they were promised."""
    preface = [on.ToolsLate("r1", " I'll tell you.")] if late else []
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.TurnCommitted(FROG), *speak("r1", "Let me look."), on.ToolsBegan("r1"), *preface)
    effects_of(
        dialogue, on.InterruptionStarted(SECOND_HALF), on.InterruptionConfirmed(SECOND_HALF, position=len(SOUND))
    )
    assert do.Tell(NOT_ANSWERED, FROG) in effects_of(dialogue, on.FloorReleased(SECOND_HALF))


def test_words_after_the_results_of_tools_are_an_answer() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.TurnCommitted(FROG), *speak("r1", "Let me look."), on.ToolsBegan("r1"))
    effects_of(dialogue, *speak("r1", "\n"), *speak("r1", "A frog is small."), on.InterruptionStarted(SECOND_HALF))
    effects = effects_of(dialogue, on.InterruptionConfirmed(SECOND_HALF, position=3 * len(SOUND)))
    assert do.EndReply("r1", Outcome.INTERRUPTED) in effects
    assert not written_texts(effects_of(dialogue, on.FloorReleased(SECOND_HALF)))


def test_a_text_of_the_bots_own_is_not_recited_anew() -> None:
    dialogue = interrupted_unheard(replace(ADA, author="", kind=PromptKind.RECITE), SECOND_HALF)
    assert not only(do.BeginReply, effects_of(dialogue, on.FloorReleased(SECOND_HALF)))


def test_a_text_that_a_person_wants_recited_is_recited_anew() -> None:
    prompt = replace(ADA, kind=PromptKind.RECITE)
    dialogue = interrupted_unheard(prompt, SECOND_HALF)
    effects = effects_of(dialogue, on.FloorReleased(SECOND_HALF))
    assert [begun.prompt.text for begun in only(do.BeginReply, effects)] == [prompt.text]


def test_a_prompt_whose_replies_are_interrupted_again_and_again_is_given_up_and_its_author_is_told() -> None:
    dialogue = interrupted_unheard(ADA, OTHER_TURN)
    effects = effects_of(dialogue, on.FloorReleased(OTHER_TURN))
    for number in range(1, 10):
        assert len(asked(effects)) == (number < MAX_BEGUN)
        by = TurnId(8, number)
        effects = effects_of(
            dialogue, on.InterruptionStarted(by), on.InterruptionConfirmed(by, position=0), on.FloorReleased(by)
        )
        assert (number + 1 == MAX_BEGUN) == any(told.text == NOT_ANSWERED for told in only(do.Tell, effects))


def test_a_prompt_is_answered_anew_if_the_turn_that_continues_it_is_refused() -> None:
    dialogue = interrupted_unheard(FROG, SECOND_HALF)
    effects_of(dialogue, *(on.Prompted(replace(ADA, author=str(each), person=each)) for each in range(MAX_WAITING + 1)))
    effects = effects_of(dialogue, on.TurnCommitted(spoken("and a toad?", SECOND_HALF)), on.FloorReleased(SECOND_HALF))
    assert [refused.prompt.text for refused in only(do.Refuse, effects)] == ["and a toad?"]
    assert do.AnswerAnew(FROG) in effects


def test_a_prompt_that_waits_to_be_answered_anew_is_not_joined_with_a_later_one() -> None:
    """Its words were shown when its first reply was begun, so they are not shown a second time with the later ones."""
    dialogue = interrupted_unheard(FROG, OTHER_TURN)
    effects_of(dialogue, on.TurnCommitted(spoken("and me?", OTHER_TURN)), on.FloorReleased(OTHER_TURN))
    effects_of(dialogue, on.TurnCommitted(spoken("and a toad?", SECOND_HALF)))
    assert dialogue.waiting == 2


def test_an_unheard_reply_does_not_count_when_the_next_person_to_be_answered_is_chosen() -> None:
    ada, ben = replace(FROG, person=7), Prompt("Ben", "and me?", 0.0, message=2, person=8)
    dialogue = interrupted_unheard(ada, OTHER_TURN)
    effects = effects_of(dialogue, on.Prompted(ben), on.Prompted(Prompt("Cleo", "me too", 0.0, message=3, person=9)))
    assert asked(effects) == [ben.text]
    effects_of(dialogue, on.FloorReleased(OTHER_TURN))
    effects = effects_of(dialogue, on.ModelDone("r2"), Flushed(None, 0.0, "r2"), on.PlaybackDrained("r2"))
    assert asked(effects) == [ada.text], "Ada was not answered more often than Cleo, and asked first"


def test_a_prompt_whose_reply_is_interrupted_unheard_during_a_restart_is_put_aside() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *speak("r1", "Good day, and"), on.InterruptionStarted(SECOND_HALF))
    effects_of(dialogue, on.RestartBegan(1, lambda _: True))
    effects = effects_of(dialogue, on.InterruptionConfirmed(SECOND_HALF, position=1), on.RestartIsDue(0))
    assert dialogue.set_aside == (ADA,), "at once, because the call may end while the person still speaks"
    effects += effects_of(dialogue, on.FloorReleased(SECOND_HALF))
    assert not asked(effects)
    assert dialogue.set_aside == (ADA,)
    assert [told.text for told in only(do.Tell, effects)] == [RESTARTING]
