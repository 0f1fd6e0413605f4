"""While the bot is being restarted, the sentence that people are hearing is the last one. Unanswered prompts wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.restarting import RESTARTING
from bot.speech_server.events import SegmentAudio
from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.dialogue.restart import ASK_AGAIN, NOT_SAID
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.turn import Outcome, Prompt, PromptKind
from tests.voice.dialogue.machine_events import ADA, SOUND, TURN, speak, spoken, written_texts
from tests.voice.effects import effects_of, only
from wire.messages import Cancel, Flushed, SegmentEnd, SegmentStart

BEN = Prompt("Ben", "and me?", 0.0, message=2)
LENGTH = len(SOUND)


def restart(position: int, *, kept: bool = True) -> on.RestartBegan:
    return on.RestartBegan(position, lambda _: kept)


def ended(effects: list[do.Effect]) -> list[Outcome]:
    return [each.outcome for each in only(do.EndReply, effects)]


def test_the_sentence_that_people_hear_is_the_last_one() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(
        dialogue,
        on.Prompted(ADA),
        *speak("r1", "Once upon a time,"),
        *speak("r1", " there was a king."),
        *speak("r1", " He had a daughter."),
    )
    effects = effects_of(dialogue, restart(10))
    assert effects == [do.CloseModel("r1"), do.Send(Cancel("r1")), do.CutPlayback("r1", 2 * LENGTH)]
    assert dialogue.current == "r1", "the sentence is still heard"
    effects = effects_of(dialogue, on.PlaybackDrained("r1"))
    assert do.Remember(ADA, "Once upon a time, there was a king.", interrupted=True) in effects
    assert dialogue.floor_free
    assert dialogue.set_aside == (), "people have heard enough of this answer"


def test_a_sentence_that_is_still_being_made_is_waited_for() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *speak("r1", "Once upon a time,"))
    assert effects_of(dialogue, restart(10)) == []
    effects = effects_of(
        dialogue, on.TokenCame("r1", " there was a king."), SegmentStart(1, " there was a king.", "r1")
    )
    assert only(do.CutPlayback, effects) == []
    effects = effects_of(dialogue, SegmentEnd(1, 0, "r1"))
    assert do.CutPlayback("r1", LENGTH) in effects
    assert effects_of(dialogue, on.TokenCame("r1", " He was old.")) == [], "nothing more is spoken"


def test_an_answer_whose_last_sentence_is_heard_ends_as_always() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *speak("r1", "Good day."), on.ModelDone("r1"), Flushed(0, 200, "r1"))
    assert effects_of(dialogue, restart(10)) == []
    assert ended(effects_of(dialogue, on.PlaybackDrained("r1"))) == [Outcome.SPOKEN]


def test_a_prompt_whose_tools_are_still_running_is_put_aside_although_something_was_said() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *speak("r1", "Let me look."), on.ToolsBegan("r1"))
    assert [told.text for told in only(do.Tell, effects_of(dialogue, restart(LENGTH)))] == [RESTARTING]
    assert dialogue.set_aside == (ADA,)


@pytest.mark.parametrize(("position", "waits"), [(LENGTH // 2, True), (LENGTH, True), (LENGTH + 10, False)])
def test_a_prompt_is_put_aside_if_only_the_remark_before_the_tools_was_heard(position: int, waits: bool) -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(
        dialogue,
        on.Prompted(ADA),
        *speak("r1", "Let me look."),
        on.ToolsBegan("r1"),
        on.TokenCame("r1", "It rains. It is cold."),
        *(event for text in ("\nIt rains.", " It is cold.") for event in speak("r1", text)[1:]),
    )
    told = only(do.Tell, effects_of(dialogue, restart(position)))
    assert [each.text for each in told] == ([RESTARTING] if waits else [])
    assert dialogue.set_aside == ((ADA,) if waits else ())


@pytest.mark.parametrize(
    "event", [on.RestartIsDue(1), on.ToolsBegan("r1")], ids=["the time is over", "tools are asked"]
)
def test_a_prompt_is_put_aside_if_the_sentence_of_its_answer_can_not_be_waited_for(event: on.Event) -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(dialogue, on.Prompted(ADA), *speak("r1", "Let me look."), restart(1))
    assert not only(do.Tell, effects), "the sentence is being heard"
    effects = effects_of(dialogue, event)
    assert [told.text for told in only(do.Tell, effects)] == [RESTARTING]
    assert dialogue.set_aside == (ADA,)
    assert dialogue.floor_free


def test_an_answer_that_nobody_has_heard_and_all_waiting_prompts_are_put_aside_in_order() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.TokenCame("r1", "Once"), on.Prompted(BEN))
    effects = effects_of(dialogue, restart(0))
    assert only(do.Tell, effects) == [do.Tell(RESTARTING, BEN, (ADA,))], "one message for both"
    assert ended(effects) == [Outcome.INTERRUPTED]
    assert dialogue.set_aside == (ADA, BEN)
    assert dialogue.floor_free


def test_one_notice_answers_the_newest_message_if_waiting_messages_are_kept_and_each_gets_its_own_otherwise() -> None:
    for kept, answered in ((True, [3]), (False, [1, 3, 2])):
        dialogue = Dialogue(DialogueTexts)
        more = replace(ADA, message=3)
        effects_of(dialogue, on.Prompted(ADA), on.TokenCame("r1", "Once"), on.Prompted(more), on.Prompted(BEN))
        told = only(do.Tell, effects_of(dialogue, restart(0, kept=kept)))
        assert [each.prompt.message for each in told] == answered
        assert dialogue.set_aside == ((ADA, more, BEN) if kept else ())


@pytest.mark.parametrize("later", [on.Prompted(BEN), on.TurnCommitted(spoken("hello"))], ids=["written", "spoken"])
def test_whoever_writes_or_speaks_later_is_told_and_waits(later: on.Event) -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(dialogue, restart(0), on.TurnSpeculated(spoken("hello")), later)
    assert only(do.BeginReply, effects) == []
    assert written_texts(effects) == [RESTARTING]
    assert len(dialogue.set_aside) == 1


def test_a_speculative_reply_is_dropped_and_its_prompt_waits_once_the_turn_is_over() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.TurnSpeculated(spoken("hello")))
    assert ended(effects_of(dialogue, restart(0))) == [Outcome.DISCARDED]
    effects_of(dialogue, on.TurnCommitted(spoken("hello")), on.FloorReleased(TURN))
    assert [each.text for each in dialogue.set_aside] == ["hello"]


READ = Prompt("Ben", "It is late. Dinner is ready. Come down.", 0.0, message=3, kind=PromptKind.RECITE, person=2)


def reading(*spoken: str) -> Dialogue:
    """Ben's text is read aloud, and these parts of it have come from the speech server."""
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(READ))
    for number, text in enumerate(spoken):
        effects_of(dialogue, SegmentStart(number, text, "r1"), SegmentAudio("r1", number, SOUND))
        effects_of(dialogue, SegmentEnd(number, 0, "r1"))
    return dialogue


def test_unheard_sentences_of_a_text_that_is_read_aloud_wait_for_the_restart() -> None:
    dialogue = reading("It is late.", " Dinner is ready.")
    effects = effects_of(dialogue, on.Prompted(BEN), restart(10))
    assert do.CutPlayback("r1", LENGTH) in effects
    (told,) = only(do.Tell, effects)
    assert (told.text, told.prompt.message, [each.message for each in told.others]) == (RESTARTING, READ.message, [2])
    assert ended(effects_of(dialogue, on.PlaybackDrained("r1"))) == [Outcome.INTERRUPTED]
    assert dialogue.set_aside == (replace(READ, text="Dinner is ready. Come down."), BEN), (
        "in the order in which they came"
    )


def test_the_rest_of_a_text_comes_before_other_prompts_if_the_sentence_being_read_ends_during_the_restart() -> None:
    dialogue = reading()
    effects_of(dialogue, SegmentStart(0, "It is late.", "r1"), SegmentAudio("r1", 0, SOUND), on.Prompted(BEN))
    assert written_texts(effects_of(dialogue, restart(10))) == [RESTARTING]
    assert written_texts(effects_of(dialogue, SegmentEnd(0, 0, "r1"))) == [RESTARTING]
    assert [each.text for each in dialogue.set_aside] == ["Dinner is ready. Come down.", BEN.text]


def test_a_text_whose_reading_was_interrupted_at_its_first_word_is_read_once_after_the_restart() -> None:
    dialogue = reading("It is late.")
    effects = effects_of(dialogue, on.InterruptionStarted(TURN), restart(1), on.InterruptionConfirmed(TURN, 1))
    effects += effects_of(dialogue, on.FloorReleased(TURN))
    assert dialogue.set_aside == (READ,)
    assert written_texts(effects) == [RESTARTING], "told once"


def test_the_rest_of_a_text_whose_reading_is_interrupted_during_the_restart_is_kept() -> None:
    dialogue = reading("It is late.")
    heard = LENGTH - 10
    effects_of(dialogue, on.InterruptionStarted(TURN), restart(heard), on.InterruptionConfirmed(TURN, heard))
    effects_of(dialogue, on.FloorReleased(TURN))
    assert [each.text for each in dialogue.set_aside] == ["Dinner is ready. Come down."]


def test_a_text_that_was_read_to_its_end_is_not_said_again() -> None:
    dialogue = reading("It is late.", " Dinner is ready.", " Come down.")
    effects_of(dialogue, Flushed(0, 200, "r1"))
    assert effects_of(dialogue, restart(2 * LENGTH + 10)) == []
    assert dialogue.set_aside == ()


@pytest.mark.parametrize("told_before", [True, False])
def test_a_sentence_that_takes_too_long_is_broken_off_and_waits_with_the_rest_of_the_text(told_before: bool) -> None:
    dialogue = reading("It is late.", *([" Dinner is ready."] if told_before else []))
    if not told_before:
        effects_of(dialogue, SegmentStart(1, " Dinner is ready.", "r1"), SegmentAudio("r1", 1, SOUND))
    effects = effects_of(dialogue, restart(LENGTH + 10), on.RestartIsDue(LENGTH + 10))
    assert ended(effects) == [Outcome.INTERRUPTED]
    assert written_texts(effects) == [RESTARTING], "told once"
    assert [each.text for each in dialogue.set_aside] == ["Dinner is ready. Come down."]
    assert dialogue.floor_free


def test_a_text_that_can_not_be_kept_is_reported_at_once() -> None:
    dialogue = reading("It is late.", " Dinner is ready.")
    effects = effects_of(dialogue, on.Prompted(BEN), restart(10, kept=False))
    assert written_texts(effects) == [NOT_SAID.format(text="Dinner is ready. Come down."), ASK_AGAIN]
    assert dialogue.set_aside == ()


def test_the_text_of_an_answer_to_a_command_is_not_written_if_prompts_can_not_be_kept() -> None:
    dialogue = Dialogue(DialogueTexts)
    known = replace(BEN, text="You are ill.", kind=PromptKind.RECITE, answers_command=True)
    assert written_texts(effects_of(dialogue, on.Prompted(ADA), restart(0, kept=False), on.Prompted(known)))[1:] == [
        ASK_AGAIN
    ]


def test_a_text_of_the_bots_own_does_not_wait() -> None:
    dialogue = Dialogue(DialogueTexts)
    greeting = Prompt("", "Good day, Ada!", 0.0, kind=PromptKind.RECITE)
    effects = effects_of(dialogue, restart(0), on.Prompted(greeting))
    assert effects == [do.Drop(greeting)]
    assert dialogue.set_aside == ()


def test_whoever_stops_the_bot_meanwhile_hears_it_no_longer() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *speak("r1", "Once."), *speak("r1", " Twice."), restart(10))
    effects = effects_of(dialogue, on.Stopped(position=20))
    assert do.DropPlayback("r1") in effects
    assert dialogue.floor_free
