"""The dialogue's state machine: prompts are answered in order, also when the model or the speech server fails."""

from __future__ import annotations

from dataclasses import replace

from bot.speech_server.events import Disconnected
from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.dialogue.prompt_queue import MAX_WAITING, TOO_MANY_WAITING
from bot.voice.dialogue.reply import VOICE_FAILED
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.turn import Outcome, Prompt, PromptKind
from tests.voice.dialogue.machine_events import ADA, OTHER_TURN, SOUND, speak, spoken, written_texts
from tests.voice.effects import effects_of, kinds, only
from wire.messages import Cancel, Flushed, SegmentEnd, SegmentStart, Speak


def test_a_reply_goes_from_prompt_to_history() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(
        dialogue,
        on.Prompted(ADA),
        *speak("r1", "All is well."),
        on.ModelDone("r1"),
        Flushed(None, 0.0, "r1"),
        on.PlaybackDrained("r1"),
    )
    assert kinds(effects) == [
        do.BeginReply,
        do.CommitReply,
        do.AskModel,
        do.Acknowledge,
        do.Send,
        do.MarkSegment,
        do.Play,
        do.Send,
        do.FinishPlayback,
        do.Remember,
        do.EndReply,
    ]
    assert effects[-2] == do.Remember(ADA, "All is well.", interrupted=False)
    assert dialogue.current is None


def test_the_space_behind_the_last_sentence_is_not_shown_as_a_segment_of_its_own() -> None:
    effects = effects_of(
        Dialogue(DialogueTexts),
        on.Prompted(ADA),
        *speak("r1", "All is well."),
        on.TokenCame("r1", " "),
        on.ModelDone("r1"),
        SegmentStart(1, " ", "r1"),
        SegmentEnd(1, 0, "r1"),
        Flushed(None, 0.0, "r1"),
        on.PlaybackDrained("r1"),
    )
    assert [mark.text for mark in only(do.MarkSegment, effects)] == ["All is well."]
    assert effects[-2:] == [do.Remember(ADA, "All is well.", interrupted=False), do.EndReply("r1", Outcome.SPOKEN)]


def test_too_many_waiting_prompts_are_reported_to_a_person_once() -> None:
    dialogue = Dialogue(DialogueTexts)
    prompts = [Prompt("Ada", str(n), 0.0, n, person=7) for n in range(MAX_WAITING + 8)]
    full = effects_of(dialogue, *map(on.Prompted, prompts))
    assert [effect.prompt for effect in only(do.Refuse, full)] == [prompts[MAX_WAITING + 1]]
    assert [effect.prompt for effect in only(do.Drop, full)] == prompts[MAX_WAITING + 2 :]
    ben = Prompt("Ben", "and I?", 0.0, 99, person=8)
    gave_way = do.Drop(prompts[MAX_WAITING], refused=True)
    assert effects_of(dialogue, on.Prompted(ben)) == [gave_way, do.Acknowledge(ben)]
    effects_of(dialogue, on.Stopped(0), *map(on.Prompted, prompts[: MAX_WAITING + 1]))
    again = Prompt("Ada", "again", 0.0, 100, person=7)
    assert effects_of(dialogue, on.Prompted(again)) == [do.Refuse(again, TOO_MANY_WAITING)]


def test_the_next_refusal_is_reported_to_a_person_whose_words_were_merged_into_a_waiting_prompt() -> None:
    dialogue = Dialogue(DialogueTexts)
    ada = replace(spoken("Hello."), person=7)
    typed = Prompt("Ada", "typed", 0.0, 1, person=7)
    others = [Prompt("Ben", str(number), 0.0, number, person=100 + number) for number in range(MAX_WAITING)]
    effects_of(dialogue, *map(on.Prompted, others), on.TurnCommitted(ada))
    assert only(do.Refuse, effects_of(dialogue, on.Prompted(typed))) == [do.Refuse(typed, TOO_MANY_WAITING)]
    assert only(do.Refuse, effects_of(dialogue, on.Prompted(typed))) == []
    assert only(do.Acknowledge, effects_of(dialogue, on.TurnCommitted(ada))) == [do.Acknowledge(ada)]
    assert only(do.Refuse, effects_of(dialogue, on.Prompted(typed))) == [do.Refuse(typed, TOO_MANY_WAITING)]


def test_prompts_are_answered_in_order_and_the_twenty_first_to_wait_is_refused() -> None:
    dialogue = Dialogue(DialogueTexts)
    prompts = [Prompt("Ada", str(n), 0.0, n) for n in range(MAX_WAITING + 2)]
    effects = effects_of(dialogue, *map(on.Prompted, prompts))
    assert [effect.prompt for effect in only(do.Refuse, effects)] == [prompts[-1]]
    begun = [effect.prompt for effect in only(do.BeginReply, effects)]
    for _ in range(MAX_WAITING):
        reply = dialogue.current
        assert reply is not None
        effects = effects_of(
            dialogue, *speak(reply, "Yes."), on.ModelDone(reply), Flushed(None, 0.0, reply), on.PlaybackDrained(reply)
        )
        begun += [effect.prompt for effect in only(do.BeginReply, effects)]
    assert begun == prompts[:-1]


def test_a_stop_ends_the_reply_everywhere_and_the_heard_words_are_remembered() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.Prompted(ADA), *speak("r1", "All is well. "), *speak("r1", "And more."))
    effects = effects_of(dialogue, on.Stopped(position=len(SOUND)))
    assert effects == [
        do.Drop(ADA),
        do.CloseModel("r1"),
        do.Send(Cancel("r1")),
        do.DropPlayback("r1"),
        do.Remember(ADA, "All is well.", interrupted=True),
        do.EndReply("r1", Outcome.INTERRUPTED),
    ]
    assert dialogue.waiting == 0
    assert (
        effects_of(
            dialogue, *speak("r1", "late"), on.ModelDone("r1"), Flushed(None, 0.0, "r1"), on.PlaybackDrained("r1")
        )
        == []
    )


def test_a_dismissed_person_is_not_answered_and_all_others_are() -> None:
    dialogue = Dialogue(DialogueTexts)
    ada, ben = Prompt("Ada", "hello", 0.0, 1, person=7), Prompt("Ben", "hello", 0.0, 2, person=8)
    effects_of(dialogue, on.Prompted(ben), on.Prompted(ada), on.Prompted(ben), *speak("r1", "All is well. "))
    effects = effects_of(dialogue, on.Dismissed(8, position=len(SOUND)))
    assert do.EndReply("r1", Outcome.INTERRUPTED) in effects
    assert [effect.prompt for effect in only(do.BeginReply, effects)] == [ada]
    assert dialogue.waiting == 0
    assert effects_of(dialogue, on.Dismissed(8, position=0)) == [], "the reply to somebody else goes on"
    assert dialogue.current == "r2"


def test_what_the_bot_says_to_a_dismissed_person_is_not_said_to_others_and_counts_as_no_question() -> None:
    dialogue = Dialogue(DialogueTexts)
    greeting = Prompt("", "Hi, Ada.", 0.0, kind=PromptKind.RECITE, told_to=7)
    reminder = Prompt("", "Ada, the cake!", 0.0, kind=PromptKind.RECITE, told_to=7)
    asked, bens = Prompt("Ada", "hello", 0.0, 1, person=7), Prompt("Ben", "hello", 0.0, 2, person=8)
    for prompt in (greeting, asked, reminder, bens):
        effects_of(dialogue, on.Prompted(prompt))
    assert [dialogue.unanswered(person) for person in (7, 8)] == [1, 1]
    effects = effects_of(dialogue, on.Dismissed(7, position=0))
    assert [effect.prompt for effect in only(do.BeginReply, effects)] == [bens]
    assert (dialogue.unanswered(7), dialogue.waiting) == (0, 0)


def test_cancelling_one_of_two_equal_prompts_leaves_the_other_alone() -> None:
    dialogue = Dialogue(DialogueTexts)
    first, twin, other = (Prompt("", "We are recorded.", 0.0, kind=PromptKind.RECITE) for _ in range(3))
    effects_of(dialogue, on.Prompted(first), on.Prompted(twin), on.Prompted(other))
    assert effects_of(dialogue, on.PromptCancelled(twin, 0)) == [do.Drop(twin)]
    assert dialogue.waiting == 1
    effects = effects_of(dialogue, on.PromptCancelled(first, 0))
    assert do.EndReply("r1", Outcome.INTERRUPTED) in effects
    assert dialogue.current == "r2"
    assert effects_of(dialogue, on.PromptCancelled(first, 0)) == [], "the reply to this prompt is over"


def test_when_the_speech_server_fails_the_rest_is_written_after_the_sound() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(
        dialogue, on.Prompted(ADA), *speak("r1", "One. "), on.TokenCame("r1", "Two. "), SegmentStart(0, "Two. ", "r1")
    )
    effects = effects_of(dialogue, Disconnected("gone"))
    assert kinds(effects) == [do.Send, do.FinishPlayback]
    effects = effects_of(dialogue, on.TokenCame("r1", "Three."), on.ModelDone("r1"))
    assert effects == []
    effects = effects_of(dialogue, on.PlaybackDrained("r1"))
    assert written_texts(effects) == [VOICE_FAILED + "Two. Three."]
    assert effects[-1] == do.EndReply("r1", Outcome.WRITTEN)


def test_losing_the_speech_server_before_the_first_word_does_not_end_the_reply() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), Disconnected("gone"))
    assert effects_of(dialogue, on.TokenCame("r1", "Hello.")) == [do.Send(Speak("Hello.", reply="r1"))]


def test_the_persona_says_that_the_model_has_timed_out() -> None:
    dialogue = Dialogue(lambda: DialogueTexts(confused="*Mia seems confused...*"))
    effects = effects_of(dialogue, on.Prompted(ADA), on.ModelFailed("r1", "❌ too slow", timed_out=True))
    assert do.Send(Speak("*Mia seems confused...*", reply="r1")) in effects
    assert effects[-1] == do.Send(Speak(flush=True, reply="r1"))
    assert written_texts(effects) == []


def test_a_failure_of_the_model_is_reported_and_the_next_prompt_works() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(dialogue, on.Prompted(ADA), on.Prompted(ADA), on.ModelFailed("r1", "❌ 500", timed_out=False))
    assert written_texts(effects) == ["❌ 500"]
    assert effects[-1] == do.AskModel("r2", ADA)


def test_a_reply_without_sound_is_written() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(
        dialogue,
        on.Prompted(ADA),
        on.TokenCame("r1", "🙂"),
        on.ModelDone("r1"),
        SegmentStart(0, "🙂", "r1"),
        SegmentEnd(0, len(SOUND), "r1"),
        Flushed(None, 0.0, "r1"),
    )
    assert written_texts(effects) == ["🙂"]
    assert effects[-1] == do.EndReply("r1", Outcome.WRITTEN)


def test_recited_text_goes_to_the_speech_server_and_never_to_the_model() -> None:
    effects = effects_of(Dialogue(DialogueTexts), on.Prompted(Prompt("Ada", "Say this.", 0.0, kind=PromptKind.RECITE)))
    assert do.Send(Speak("Say this.", reply="r1")) in effects
    assert not only(do.AskModel, effects)


def test_words_that_a_waiting_person_adds_join_the_waiting_prompt() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(
        dialogue, on.Prompted(ADA), on.TurnCommitted(spoken("What time is it")), on.TurnCommitted(spoken("in Tokyo?"))
    )
    assert dialogue.waiting == 1
    effects_of(dialogue, on.TurnCommitted(spoken("Hello.", OTHER_TURN)))
    assert dialogue.waiting == 2
    effects = effects_of(
        dialogue, *speak("r1", "Yes."), on.ModelDone("r1"), Flushed(None, 0.0, "r1"), on.PlaybackDrained("r1")
    )
    assert [e.prompt.text for e in only(do.AskModel, effects)] == ["What time is it in Tokyo?"]
