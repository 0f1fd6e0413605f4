"""Speech during a reply: the playback is held, and the reply ends or continues."""

from __future__ import annotations

from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.dialogue.reply import DialogueTexts
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.turn import Prompt
from tests.voice.dialogue.machine_events import ADA, OTHER_TURN, SOUND, TURN, speak, spoken
from tests.voice.effects import effects_of


def test_a_cough_holds_the_reply_which_then_continues() -> None:
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
