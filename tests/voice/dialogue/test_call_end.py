"""The call ends: which of the people without an answer are told that it does not come, and in which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.speech_server.events import SegmentAudio
from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.dialogue.left_unanswered import LEFT_UNANSWERED, LEFT_UNSAID, SEVERAL_LEFT
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.turn import Prompt, PromptKind
from tests.voice.dialogue.machine_events import ADA, OTHER_TURN, SOUND, speak, spoken
from tests.voice.effects import effects_of, only
from wire.messages import SegmentStart

BEN = Prompt("Ben", "and me?", 0.0, message=2)
BY_PEOPLE, BY_FAULT = on.CallEnds(0, spoken_too=False), on.CallEnds(0, spoken_too=True)


def told(effects: list[do.Effect]) -> list[tuple[str, Prompt]]:
    return [(tell.text, tell.prompt) for tell in only(do.Tell, effects)]


@pytest.mark.parametrize(
    "so_far",
    [
        (),
        (on.TokenCame("r1", "Not"),),
        (on.TokenCame("r1", "Not much."), SegmentStart(0, "Not much.", "r1"), SegmentAudio("r1", 0, SOUND)),
    ],
    ids=["before the first word", "before the first sound", "before the first sound is heard"],
)
def test_whoever_has_heard_nothing_of_the_answer_is_told(so_far: tuple[on.Event, ...]) -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *so_far)
    assert told(effects_of(dialogue, BY_PEOPLE)) == [(LEFT_UNANSWERED, ADA)]
    assert dialogue.floor_free


def test_whoever_has_heard_words_of_the_answer_is_not_told_that_there_is_none() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *speak("r1", "Not much."), *speak("r1", " And you?"))
    assert told(effects_of(dialogue, on.CallEnds(len(SOUND) + 1, spoken_too=True))) == []


def test_whoever_has_heard_only_words_before_a_tool_is_told_that_there_is_no_answer() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *speak("r1", "Let me look."), on.ToolsBegan("r1"))
    assert told(effects_of(dialogue, on.CallEnds(len(SOUND), spoken_too=False))) == [(LEFT_UNANSWERED, ADA)]


def test_whoever_was_promised_results_is_told_once() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.ToolsBegan("r1"), on.ToolsLate("r1", "I'll tell you later."))
    assert told(effects_of(dialogue, on.CallEnds(0, spoken_too=False, late=(ADA,)))) == [(LEFT_UNANSWERED, ADA)]
    assert told(effects_of(Dialogue(DialogueTexts), on.CallEnds(0, spoken_too=False, late=(BEN,))))


def test_a_fault_that_was_told_is_not_followed_by_a_second_text() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *speak("r1", "Well,"), on.ModelFailed("r1", "❌ No model.", timed_out=False))
    assert told(effects_of(dialogue, BY_FAULT)) == []


def test_prompts_that_wait_are_dropped_and_each_author_is_told_once() -> None:
    dialogue = Dialogue(DialogueTexts)
    more = replace(ADA, text="and a toad?", message=3)
    effects_of(dialogue, on.Prompted(ADA), on.Prompted(BEN), on.Prompted(more))
    effects = effects_of(dialogue, BY_PEOPLE)
    assert told(effects) == [(SEVERAL_LEFT.format(count=2), more), (LEFT_UNANSWERED, BEN)]
    assert {drop.prompt.text for drop in only(do.Drop, effects)} == {BEN.text, more.text}


def test_a_text_that_was_not_read_aloud_is_quoted_and_what_the_bot_itself_wanted_to_say_is_not() -> None:
    dialogue = Dialogue(DialogueTexts)
    text = replace(BEN, kind=PromptKind.RECITE)
    effects_of(dialogue, on.Prompted(ADA), on.Prompted(text), on.Prompted(replace(text, author="")))
    assert (LEFT_UNSAID.format(text=BEN.text), text) in told(effects_of(dialogue, BY_PEOPLE))


def test_the_bots_answer_to_a_command_is_not_written_where_others_can_read_it_later() -> None:
    dialogue = Dialogue(DialogueTexts)
    known = replace(BEN, text="You are ill.", message=None, kind=PromptKind.RECITE, answers_command=True)
    effects_of(dialogue, on.Prompted(ADA), on.Prompted(known))
    assert [text for text, _ in told(effects_of(dialogue, BY_PEOPLE))] == [LEFT_UNANSWERED] * 2


def test_people_who_speak_are_told_only_if_the_call_ends_by_a_fault() -> None:
    for end, expected in ((BY_PEOPLE, []), (BY_FAULT, [LEFT_UNANSWERED])):
        dialogue = Dialogue(DialogueTexts)
        effects_of(dialogue, on.TurnCommitted(spoken("what's up?")))
        assert [text for text, _ in told(effects_of(dialogue, end))] == expected


def test_people_who_have_spoken_are_told_together() -> None:
    dialogue = Dialogue(DialogueTexts)
    ben = replace(spoken("and me?", OTHER_TURN), author="Ben", person=8)
    ada = replace(spoken("what's up?"), person=7)
    effects_of(dialogue, on.TurnCommitted(ada), on.TurnCommitted(ben))
    (tell,) = only(do.Tell, effects_of(dialogue, BY_FAULT))
    assert (tell.text, tell.prompt, tell.others) == (SEVERAL_LEFT.format(count=2), ben, (ada,))


def test_the_author_of_a_prompt_that_was_to_be_answered_anew_is_told() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.InterruptionStarted(OTHER_TURN), on.InterruptionConfirmed(OTHER_TURN, 0))
    assert told(effects_of(dialogue, BY_PEOPLE)) == [(LEFT_UNANSWERED, ADA)]


def test_no_reply_begins_after_the_end_and_whoever_still_asks_is_told() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(
        dialogue, BY_FAULT, on.TurnSpeculated(spoken("hello")), on.TurnCommitted(spoken("hello")), on.Prompted(BEN)
    )
    assert only(do.BeginReply, effects) == []
    assert [text for text, _ in told(effects)] == [LEFT_UNANSWERED, LEFT_UNANSWERED]


def test_a_speculative_reply_ends_unheard_and_nobody_is_told() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.TurnSpeculated(spoken("what's")))
    effects = effects_of(dialogue, BY_FAULT)
    assert [end.outcome for end in only(do.EndReply, effects)] == ["discarded"]
    assert told(effects) == []
