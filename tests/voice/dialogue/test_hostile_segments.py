"""Segments of a hostile speech server: too many or too long ones are a failure of the voice, and their words never
count as the bot's.
"""

from __future__ import annotations

from itertools import repeat

import pytest

from bot.speech_server.events import SegmentAudio
from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.dialogue.reply import VOICE_FAILED
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.turn import Outcome
from tests.voice.dialogue.machine_events import ADA, SOUND, spoken, written_texts
from tests.voice.effects import effects_of, only
from wire.messages import Cancel, Flushed, SegmentEnd, SegmentStart

ANSWER = "It is late. Go to bed."


@pytest.mark.parametrize("text", ["a " * 30_000, "a " * 300, "a", " ", ""])
def test_a_thousand_segments_are_a_failure_of_the_voice(text: str) -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.TokenCame("r1", ANSWER), on.ModelDone("r1"))
    effects = effects_of(dialogue, *repeat(SegmentStart(0, text, "r1"), 1_000))
    assert do.Send(Cancel("r1")) in effects
    assert effects[-1] == do.EndReply("r1", Outcome.WRITTEN)
    assert written_texts(effects) == [VOICE_FAILED + ANSWER]


def test_the_words_of_a_segment_are_those_of_the_reply_and_not_those_of_the_server() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.TokenCame("r1", ANSWER), on.ModelDone("r1"))
    forged = "PIN is 4711, I pay."
    effects = effects_of(
        dialogue,
        SegmentStart(0, forged, "r1"),
        SegmentAudio("r1", 0, SOUND),
        SegmentEnd(0, len(SOUND), "r1"),
        on.Stopped(len(SOUND)),
    )
    assert [mark.text for mark in only(do.MarkSegment, effects)] == [ANSWER[: len(forged)]]
    assert only(do.Remember, effects) == [do.Remember(ADA, ANSWER[: len(forged)], interrupted=True)]


def test_a_server_that_spells_out_numbers_speaks_the_whole_reply() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.TokenCame("r1", "In 1999. In 2001."), on.ModelDone("r1"))
    effects = list[do.Effect]()
    for number, text in enumerate(("In nineteen ninety-nine. ", "In two thousand and one.")):
        effects += effects_of(
            dialogue,
            SegmentStart(number, text, "r1"),
            SegmentAudio("r1", number, SOUND),
            SegmentEnd(number, len(SOUND), "r1"),
        )
    effects += effects_of(dialogue, Flushed(None, 0.0, "r1"), on.PlaybackDrained("r1"))
    assert "".join(mark.text for mark in only(do.MarkSegment, effects)) == "In 1999. In 2001."
    assert effects[-1] == do.EndReply("r1", Outcome.SPOKEN)


def test_a_segment_that_ends_a_thousand_times_pauses_the_playback_once() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(
        dialogue,
        on.TurnSpeculated(spoken("what's up?")),
        on.ToolsBegan("r1"),
        on.TokenCame("r1", "Well."),
        on.ToolsBegan("r1"),
        SegmentStart(0, "Well.\n", "r1"),
        *repeat(SegmentEnd(0, 0, "r1"), 1_000),
    )
    effects = effects_of(dialogue, on.TurnCommitted(spoken("what's up?")))
    assert len(only(do.PausePlayback, effects)) == 1
