"""While tools take long, the bot says so aloud: the state machine's part."""

from __future__ import annotations

from bot.speech_server.events import SegmentAudio
from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.dialogue.reply import MAX_REMARKS
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.turn import Outcome
from tests.voice.dialogue.machine_events import ADA, OTHER_TURN, SOUND, TURN, speak, spoken, written_texts
from tests.voice.effects import effects_of, only
from wire.messages import Failure, Flushed, SegmentEnd, SegmentStart, Speak


def said(effects: list[do.Effect]) -> list[str]:
    return [send.message.token for send in only(do.Send, effects) if isinstance(send.message, Speak)]


def spoken_by_the_voice(text: str) -> list[on.Event]:
    return [SegmentStart(0, text, "r1"), SegmentAudio("r1", 0, SOUND), SegmentEnd(0, len(SOUND), "r1")]


def waiting(position: int = 0, *, first: bool = False, remark: str = "Still looking.") -> on.ToolsTakeLong:
    return on.ToolsTakeLong("r1", remark, position, first)


FIRST = on.ToolsTakeLong("r1", "One moment.", 0, True)


def test_a_remark_is_spoken_and_only_the_answer_is_remembered() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(dialogue, on.Prompted(ADA), on.ToolsBegan("r1"), FIRST)
    assert said(effects) == ["One moment.\n"]
    effects = effects_of(dialogue, *spoken_by_the_voice("One moment.\n"))
    assert effects[-1] == do.PausePlayback("r1"), "the silence until the answer is no gap"
    effects = effects_of(
        dialogue, *speak("r1", "It rains."), on.ModelDone("r1"), Flushed(None, 0.0, "r1"), on.PlaybackDrained("r1")
    )
    assert do.Remember(ADA, "It rains.", interrupted=False) in effects
    assert do.EndReply("r1", Outcome.SPOKEN) in effects
    assert written_texts(effects) == []


def test_the_first_remark_is_left_out_if_the_bot_has_said_something() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *speak("r1", "Let me look."), on.ToolsBegan("r1"))
    assert said(effects_of(dialogue, FIRST)) == []


def test_words_of_the_model_before_it_calls_a_tool_are_spoken_at_once() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(dialogue, on.Prompted(ADA), on.TokenCame("r1", "Let me look."), on.ToolsBegan("r1"))
    assert said(effects) == ["Let me look.", "\n"]


def test_a_later_remark_waits_until_all_before_it_was_heard() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.TokenCame("r1", "Let me look."), on.ToolsBegan("r1"))
    assert said(effects_of(dialogue, waiting())) == [], "the voice has not spoken it yet"
    effects = effects_of(dialogue, *spoken_by_the_voice("Let me look.\n"))
    assert effects[-1] == do.PausePlayback("r1")
    assert said(effects_of(dialogue, waiting(len(SOUND) - 1))) == [], "it is still being heard"
    assert said(effects_of(dialogue, waiting(len(SOUND)))) == ["Still looking.\n"]


def test_an_answer_has_two_remarks_at_most() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(dialogue, on.Prompted(ADA), on.ToolsBegan("r1"), FIRST)
    for number in range(1, 5):
        effects += effects_of(dialogue, *spoken_by_the_voice(said(effects)[-1]) if number <= MAX_REMARKS else ())
        effects += effects_of(dialogue, waiting(number * len(SOUND)))
    assert said(effects) == ["One moment.\n", "Still looking.\n"]


def test_no_remark_comes_once_the_answer_goes_on() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.ToolsBegan("r1"), *speak("r1", "It rains."))
    assert effects_of(dialogue, waiting(len(SOUND))) == []


def test_no_remark_comes_without_a_wait_or_for_a_reply_that_was_stopped() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA))
    assert effects_of(dialogue, FIRST) == []
    effects_of(dialogue, on.ToolsBegan("r1"), on.Stopped(0))
    assert effects_of(dialogue, FIRST) == []


def test_no_remark_comes_while_somebody_speaks() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.ToolsBegan("r1"), on.InterruptionStarted(OTHER_TURN))
    assert said(effects_of(dialogue, FIRST)) == []
    effects_of(dialogue, on.FloorReleased(OTHER_TURN))
    assert said(effects_of(dialogue, waiting())) == ["Still looking.\n"]


def test_words_of_a_person_while_a_tool_runs_end_the_reply_and_close_the_model() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.ToolsBegan("r1"), FIRST, *spoken_by_the_voice("One moment.\n"))
    effects = effects_of(dialogue, on.InterruptionStarted(TURN), on.InterruptionConfirmed(TURN, len(SOUND)))
    assert do.CloseModel("r1") in effects
    assert do.Remember(ADA, "", interrupted=True) in effects
    assert do.EndReply("r1", Outcome.INTERRUPTED) in effects


def test_a_person_who_has_to_wait_is_told_in_writing_if_the_voice_has_failed() -> None:
    dialogue = Dialogue(DialogueTexts)
    asked = spoken("rain?")
    effects_of(dialogue, on.TurnCommitted(asked), on.ToolsBegan("r1"), Failure("no voice", "engine_failed", "r1"))
    assert effects_of(dialogue, FIRST) == [do.Tell("⏳ One moment.", asked)]
    assert effects_of(dialogue, waiting()) == []


def test_a_voice_that_must_not_speculate_gets_the_words_before_a_tool_when_the_reply_is_committed() -> None:
    dialogue = Dialogue(DialogueTexts, voice_speculates=lambda: False)
    effects = effects_of(dialogue, on.TurnSpeculated(spoken("rain?")), on.TokenCame("r1", "Well."), on.ToolsBegan("r1"))
    assert said(effects) == []
    assert said(effects_of(dialogue, on.TurnCommitted(spoken("rain?")))) == ["Well.", "\n"]


def test_a_person_who_has_typed_is_told_in_writing_once() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(dialogue, on.Prompted(ADA), on.ToolsBegan("r1"), FIRST, waiting(), waiting())
    assert only(do.Tell, effects) == [do.Tell("⏳ One moment.", ADA)]


def test_a_person_who_has_spoken_is_told_by_the_voice_alone() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(dialogue, on.TurnCommitted(spoken("rain?")), on.ToolsBegan("r1"), FIRST)
    assert said(effects) == ["One moment.\n"]
    assert written_texts(effects) == []


def test_a_person_who_has_typed_is_told_in_writing_while_somebody_speaks() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(dialogue, on.Prompted(ADA), on.ToolsBegan("r1"), on.InterruptionStarted(TURN), FIRST)
    assert written_texts(effects) == ["⏳ One moment."]
    assert said(effects) == []


def test_nobody_is_told_to_wait_once_the_answer_has_begun() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(dialogue, on.Prompted(ADA), on.ToolsBegan("r1"), on.TokenCame("r1", "Rain."), FIRST)
    assert written_texts(effects) == []
