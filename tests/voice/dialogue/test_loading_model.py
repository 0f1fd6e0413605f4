"""While the model loads, the bot says so aloud."""

from __future__ import annotations

from bot.speech_server.events import Disconnected, SegmentAudio
from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.dialogue.reply import VOICE_FAILED
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.turn import Outcome
from tests.voice.dialogue.machine_events import ADA, SOUND, speak, spoken, written_texts
from tests.voice.effects import effects_of, kinds, only
from wire.messages import Failure, Flushed, SegmentEnd, SegmentStart, Speak

WAKING = DialogueTexts().waking


def notices_of_loading(reply: str) -> list[on.Event]:
    """The events while the model loads and the speech server speaks the notice of it."""
    return [
        on.ModelLoading(reply),
        SegmentStart(0, "One moment,", reply),
        SegmentAudio(reply, 0, SOUND),
        SegmentEnd(0, len(SOUND), reply),
        SegmentStart(0, " my mind is waking up.", reply),
        SegmentAudio(reply, 0, SOUND),
        SegmentEnd(0, len(SOUND), reply),
    ]


def test_the_notice_of_loading_is_spoken_and_not_in_the_history() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(dialogue, on.Prompted(ADA), *notices_of_loading("r1"))
    assert do.Send(Speak(WAKING + "\n", reply="r1")) in effects
    assert effects[-1] == do.PausePlayback("r1")
    effects = effects_of(
        dialogue,
        *speak("r1", "\nAll is well."),
        on.ModelDone("r1"),
        Flushed(None, 0.0, "r1"),
        on.PlaybackDrained("r1"),
    )
    assert written_texts(effects) == []
    assert do.Remember(ADA, "All is well.", interrupted=False) in effects


def test_the_notice_is_spoken_once_and_not_after_the_first_words() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.ModelLoading("r1"))
    assert effects_of(dialogue, on.ModelLoading("r1")) == []
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.TokenCame("r1", "Well"))
    assert effects_of(dialogue, on.ModelLoading("r1")) == []


def test_an_interruption_while_the_model_loads_leaves_no_answer_in_the_history() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *notices_of_loading("r1"))
    effects = effects_of(dialogue, on.Stopped(2 * len(SOUND)))
    assert do.CloseModel("r1") in effects
    assert do.Remember(ADA, "", interrupted=True) in effects


def test_the_history_of_an_interrupted_answer_does_not_have_the_notice() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(
        dialogue,
        on.Prompted(ADA),
        *notices_of_loading("r1"),
        on.TokenCame("r1", "All is well."),
        SegmentStart(0, "\nAll is well.", "r1"),
        SegmentAudio("r1", 0, SOUND),
        SegmentEnd(0, len(SOUND), "r1"),
        *speak("r1", " Be glad."),
    )
    effects = effects_of(dialogue, on.Stopped(3 * len(SOUND)))
    assert do.Remember(ADA, "All is well.", interrupted=True) in effects


def test_without_the_speech_server_the_notice_is_written() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), Failure("no voice", "engine_failed", "r1"))
    assert written_texts(effects_of(dialogue, on.ModelLoading("r1"))) == [WAKING]
    effects = effects_of(dialogue, on.TokenCame("r1", "All is well."), on.ModelDone("r1"))
    assert written_texts(effects) == [VOICE_FAILED + "All is well."]
    assert do.Remember(ADA, "All is well.", interrupted=False) in effects


def test_the_notice_is_written_if_the_speech_server_fails_before_it() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.ModelLoading("r1"))
    assert written_texts(effects_of(dialogue, Disconnected("gone"))) == [WAKING]


def test_an_answer_that_can_not_be_spoken_is_written_after_the_notice() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *notices_of_loading("r1"), on.TokenCame("r1", "👍"), on.ModelDone("r1"))
    effects = effects_of(dialogue, Flushed(None, 0.0, "r1"), on.PlaybackDrained("r1"))
    assert written_texts(effects) == ["👍"]


def test_the_notice_of_a_speculative_reply_is_withheld_until_it_is_committed() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = effects_of(dialogue, on.TurnSpeculated(spoken("hello")), *notices_of_loading("r1"))
    assert not any(isinstance(effect, do.Play | do.MarkSegment | do.PausePlayback) for effect in effects)
    effects = effects_of(dialogue, on.TurnCommitted(spoken("hello")))
    assert kinds(effects)[-1] is do.PausePlayback


def test_a_failure_of_the_model_after_loading_is_reported() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *notices_of_loading("r1"))
    effects = effects_of(dialogue, on.ModelFailed("r1", "❌ gone", timed_out=False), Flushed(None, 0.0, "r1"))
    effects += effects_of(dialogue, on.PlaybackDrained("r1"))
    assert written_texts(effects) == ["❌ gone"]
    assert do.EndReply("r1", Outcome.FAILED) in effects
    assert not only(do.Remember, effects)
