"""Tests of a reply whose speech server is lost and replaced: each word is heard, shown and remembered once."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.speech_server.events import SegmentAudio
from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.dialogue.reply import MAX_SERVERS_LOST, VOICE_FAILED
from bot.voice.dialogue.reply_state import SAMPLES_PER_CHARACTER
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.turn import Outcome
from tests.voice.dialogue.machine_events import ADA, SOUND, TURN, speak, spoken, written_texts
from tests.voice.effects import effects_of, kinds, only
from wire.messages import Flushed, SegmentEnd, SegmentStart, Speak

TEXT = "alpha bravo charlie. delta echo foxtrot. golf hotel india juliet. kilo lima."
CHARACTER = np.zeros(SAMPLES_PER_CHARACTER, np.float32)


@dataclass
class Replies:
    """A dialogue with speech servers that speak one character after the other, and what people hear of them.

    Attributes:
        queue: the characters whose sound waits to be played, and those that were played.
        played: how many of them were played.
        breaks: for each server that was lost, the number of characters before the loss.
        unspoken: the text that the current server was sent.
    """

    dialogue: Dialogue = field(default_factory=lambda: Dialogue(DialogueTexts))
    effects: list[do.Effect] = field(default_factory=list)
    queue: list[str] = field(default_factory=list)
    played: int = 0
    breaks: list[int] = field(default_factory=list)
    unspoken: str = ""

    def feed(self, *events: object) -> None:
        for effect in effects_of(self.dialogue, *events):
            self.effects.append(effect)
            match effect:
                case do.Send(Speak(token)):
                    self.unspoken += token
                case do.TrimPlayback(_, samples):
                    del self.queue[max(self.played, samples // SAMPLES_PER_CHARACTER) :]

    def speak(self, characters: int) -> None:
        """Have the server send the sound of so many characters, in segments that are sentences."""
        for segment in re.findall(r"[^.]+\.\s*", self.unspoken):
            if characters <= 0:
                return
            self.feed(SegmentStart(0, segment, "r1"))
            for character in segment[:characters]:
                self.queue.append(character)
                self.feed(SegmentAudio("r1", 0, CHARACTER))
            if characters < len(segment):
                return
            characters -= len(segment)
            self.feed(SegmentEnd(0, len(segment) * SAMPLES_PER_CHARACTER, "r1"))

    def lose(self) -> None:
        self.unspoken = ""
        self.feed(on.SpeechServerReplaced(self.played * SAMPLES_PER_CHARACTER))
        self.breaks.append(len(self.queue))

    @property
    def heard(self) -> str:
        """What is heard in the end, with a ``|`` where a server was lost."""
        ends = [0, *self.breaks, len(self.queue)]
        return "|".join("".join(self.queue[start:end]) for start, end in itertools.pairwise(ends))

    @property
    def shown(self) -> str:
        return "".join(mark.text for mark in only(do.MarkSegment, self.effects))


losses = st.lists(st.tuples(st.integers(0, len(TEXT)), st.integers(0, len(TEXT))), max_size=MAX_SERVERS_LOST)


@settings(max_examples=100)
@given(losses=losses, before=st.integers(0, len(TEXT)))
@example(losses=[(11, 0), (1, 0)], before=20).via("a word that was alone in its segment was cut in two")
def test_each_word_is_heard_and_shown_once_whenever_servers_are_lost(
    losses: list[tuple[int, int]], before: int
) -> None:
    replies = Replies()
    replies.feed(on.Prompted(ADA), on.TokenCame("r1", TEXT[:before]))
    for number, (sent, ahead) in enumerate(losses):
        if number == len(losses) - 1:
            replies.feed(on.TokenCame("r1", TEXT[before:]), on.ModelDone("r1"))
        replies.speak(sent)
        replies.played = max(replies.played, len(replies.queue) - ahead)
        replies.lose()
    replies.feed(on.TokenCame("r1", "" if losses else TEXT[before:]), on.ModelDone("r1"))
    replies.speak(len(TEXT))
    replies.feed(Flushed(None, 0.0, "r1"), on.PlaybackDrained("r1"))
    assert replies.shown.replace(" ", "") == TEXT.replace(" ", "")
    words = re.findall("[a-z]+", TEXT)
    assert set(words) <= set(re.findall("[a-z]+", replies.heard))
    # Only the word in which a server was lost may be begun, and then said anew.
    assert Counter(re.findall("[a-z]+(?![a-z|])", replies.heard)) <= Counter(words)
    (remembered,) = only(do.Remember, replies.effects)
    assert (remembered.heard, remembered.interrupted) == (TEXT, False)
    assert replies.effects[-1] == do.EndReply("r1", Outcome.SPOKEN)


def test_a_segment_that_nobody_has_heard_yet_is_dropped_and_spoken_wholly_by_the_other_server() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *speak("r1", "One two. "), on.TokenCame("r1", "Three four."))
    effects_of(dialogue, on.ModelDone("r1"), SegmentStart(1, "Three four.", "r1"), SegmentAudio("r1", 1, SOUND))
    effects = effects_of(dialogue, on.SpeechServerReplaced(100))
    assert effects == [
        do.TrimPlayback("r1", len(SOUND)),
        do.Send(Speak("Three four.", flush=True, reply="r1")),
    ]
    # The segment was marked before, so its words are not shown again.
    assert only(do.MarkSegment, effects_of(dialogue, SegmentStart(0, "Three four.", "r1"))) == []


def test_a_segment_that_is_being_heard_is_continued_after_its_last_whole_word() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(
        dialogue,
        on.Prompted(ADA),
        on.TokenCame("r1", "One two three four."),
        SegmentStart(0, "One two three four.", "r1"),
    )
    effects_of(dialogue, SegmentAudio("r1", 0, np.zeros(9 * SAMPLES_PER_CHARACTER, np.float32)))
    effects = effects_of(dialogue, on.SpeechServerReplaced(4_000))
    assert effects == [do.Send(Speak("three four.", reply="r1"))]
    # A person who interrupts later has heard what both servers have said.
    effects_of(dialogue, SegmentStart(0, "three four.", "r1"), SegmentAudio("r1", 0, CHARACTER))
    effects = effects_of(dialogue, on.Stopped(10 * SAMPLES_PER_CHARACTER))
    assert only(do.Remember, effects) == [do.Remember(ADA, "One two", interrupted=True)]


def test_the_pace_of_a_slow_voice_is_known_from_earlier_segments() -> None:
    dialogue = Dialogue(DialogueTexts)
    slow = np.zeros(2 * SAMPLES_PER_CHARACTER * 9, np.float32)
    effects_of(dialogue, on.Prompted(ADA), on.TokenCame("r1", "One two. Three four five."))
    effects_of(
        dialogue, SegmentStart(0, "One two. ", "r1"), SegmentAudio("r1", 0, slow), SegmentEnd(0, len(slow), "r1")
    )
    effects_of(dialogue, SegmentStart(1, "Three four five.", "r1"))
    effects_of(dialogue, SegmentAudio("r1", 1, np.zeros(2 * SAMPLES_PER_CHARACTER * 8, np.float32)))
    effects = effects_of(dialogue, on.SpeechServerReplaced(2 * SAMPLES_PER_CHARACTER * 12))
    assert effects[-1] == do.Send(Speak("four five.", reply="r1"))


def test_the_pace_of_a_slow_voice_is_known_from_the_reply_before() -> None:
    dialogue = Dialogue(DialogueTexts)
    slow = np.zeros(2 * SAMPLES_PER_CHARACTER * 8, np.float32)
    effects_of(dialogue, on.Prompted(ADA), on.TokenCame("r1", "One two."), on.ModelDone("r1"))
    effects_of(dialogue, SegmentStart(0, "One two.", "r1"), SegmentAudio("r1", 0, slow))
    effects_of(dialogue, SegmentEnd(0, len(slow), "r1"), Flushed(None, 0.0, "r1"), on.PlaybackDrained("r1"))
    effects_of(dialogue, on.Prompted(ADA), on.TokenCame("r2", "Three four five."), on.ModelDone("r2"))
    effects_of(dialogue, SegmentStart(0, "Three four five.", "r2"), SegmentAudio("r2", 0, slow))
    effects = effects_of(dialogue, on.SpeechServerReplaced(100))
    assert effects == [do.Send(Speak("four five.", flush=True, reply="r2"))]


def test_a_reply_whose_sound_has_all_come_is_finished_without_the_other_server() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *speak("r1", "All is well."), on.ModelDone("r1"))
    effects = effects_of(dialogue, on.SpeechServerReplaced(0))
    assert kinds(effects) == [do.FinishPlayback]
    assert effects_of(dialogue, on.PlaybackDrained("r1"))[-1] == do.EndReply("r1", Outcome.SPOKEN)


def test_text_that_comes_later_goes_to_the_other_server() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), *speak("r1", "One. "))
    assert effects_of(dialogue, on.SpeechServerReplaced(0)) == []
    assert effects_of(dialogue, on.TokenCame("r1", "Two.")) == [do.Send(Speak("Two.", reply="r1"))]


def test_a_speculative_reply_is_spoken_anew_and_nothing_of_the_lost_server_is_heard() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.TurnSpeculated(spoken("what's up?")), *speak("r1", "One. "), on.TokenCame("r1", "Two."))
    assert effects_of(dialogue, on.SpeechServerReplaced(0)) == [do.Send(Speak("One. Two.", reply="r1"))]
    effects_of(dialogue, SegmentStart(0, "One. Two.", "r1"), SegmentAudio("r1", 0, SOUND))
    effects = effects_of(dialogue, on.TurnCommitted(spoken("what's up?", TURN)))
    assert [mark.text for mark in only(do.MarkSegment, effects)] == ["One. Two."]
    assert len(only(do.Play, effects)) == 1


def test_a_reply_without_text_yet_is_not_affected() -> None:
    dialogue = Dialogue(DialogueTexts)
    assert effects_of(dialogue, on.SpeechServerReplaced(0)) == []
    assert effects_of(dialogue, on.Prompted(ADA), on.SpeechServerReplaced(0))[-1] == do.Acknowledge(ADA)


def test_a_text_that_ends_every_speech_server_is_written_at_last() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.TokenCame("r1", "Poison."), on.ModelDone("r1"))
    for _ in range(MAX_SERVERS_LOST):
        assert effects_of(dialogue, on.SpeechServerReplaced(0))[-1] == do.Send(Speak("Poison.", True, "r1"))
    effects = effects_of(dialogue, on.SpeechServerReplaced(0))
    assert written_texts(effects) == [VOICE_FAILED + "Poison."]
    assert effects[-1] == do.EndReply("r1", Outcome.WRITTEN)


@pytest.mark.parametrize("length", [3_999, 4_000, 9_000])
def test_a_long_unspoken_part_is_sent_in_pieces_of_which_the_last_one_ends_the_reply(length: int) -> None:
    dialogue = Dialogue(DialogueTexts)
    effects_of(dialogue, on.Prompted(ADA), on.TokenCame("r1", "x" * length), on.ModelDone("r1"))
    sent = [effect.message for effect in only(do.Send, effects_of(dialogue, on.SpeechServerReplaced(0)))]
    pieces = [message for message in sent if isinstance(message, Speak)]
    assert "".join(piece.token for piece in pieces) == "x" * length
    assert [piece.flush for piece in pieces] == [*[False] * (len(pieces) - 1), True]
