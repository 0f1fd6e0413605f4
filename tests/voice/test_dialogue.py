"""The dialogue's state machine: examples, and then any order of events that hypothesis can think of."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.voice import dialogue_messages as m
from bot.voice.dialogue import MAX_WAITING, VOICE_FAILED, Dialogue, DialogueTexts
from bot.voice.reply import Outcome, Prompt, PromptKind

ADA = Prompt("Ada", "what's up?", 0.0, message=1)
SOUND = np.zeros(9600, np.float32)


def run(dialogue: Dialogue, *events: m.Event) -> list[m.Effect]:
    return [effect for event in events for effect in dialogue.handle(event)]


def told(effects: Iterable[m.Effect]) -> list[str]:
    return [effect.text for effect in effects if isinstance(effect, m.Tell)]


def speak(reply: str, text: str) -> list[m.Event]:
    return [
        m.TokenCame(reply, text),
        m.SegmentStarted(reply, text),
        m.AudioCame(reply, SOUND),
        m.SegmentEnded(reply),
    ]


def test_a_reply_goes_from_prompt_to_history() -> None:
    dialogue = Dialogue(DialogueTexts())
    effects = run(
        dialogue,
        m.Prompted(ADA),
        *speak("r1", "All is well."),
        m.ModelDone("r1"),
        m.SpeechFlushed("r1"),
        m.PlaybackDrained("r1"),
    )
    assert [type(effect) for effect in effects] == [
        m.BeginReply,
        m.AskModel,
        m.Acknowledge,
        m.TokenToVoice,
        m.Play,
        m.EndOfText,
        m.FinishPlayback,
        m.Remember,
        m.EndReply,
    ]
    assert effects[-2] == m.Remember(ADA, "All is well.", interrupted=False)
    assert dialogue.current is None


def test_prompts_are_answered_in_order_and_the_twenty_first_to_wait_is_refused() -> None:
    dialogue = Dialogue(DialogueTexts())
    prompts = [Prompt("Ada", str(n), 0.0, n) for n in range(MAX_WAITING + 2)]
    effects = run(dialogue, *map(m.Prompted, prompts))
    assert [effect.prompt for effect in effects if isinstance(effect, m.Refuse)] == [prompts[-1]]
    begun = [effect.prompt for effect in effects if isinstance(effect, m.BeginReply)]
    for _ in range(MAX_WAITING):
        reply = dialogue.current
        assert reply is not None
        effects = run(
            dialogue, *speak(reply, "Yes."), m.ModelDone(reply), m.SpeechFlushed(reply), m.PlaybackDrained(reply)
        )
        begun += [effect.prompt for effect in effects if isinstance(effect, m.BeginReply)]
    assert begun == prompts[:-1]


def test_stop_cancels_everywhere_and_remembers_what_was_heard() -> None:
    dialogue = Dialogue(DialogueTexts())
    run(dialogue, m.Prompted(ADA), m.Prompted(ADA), *speak("r1", "All is well. "), *speak("r1", "And more."))
    effects = run(dialogue, m.Stopped(heard=len(SOUND)))
    assert effects == [
        m.CloseModel("r1"),
        m.CancelSpeech("r1"),
        m.DropPlayback("r1"),
        m.Remember(ADA, "All is well.", interrupted=True),
        m.EndReply("r1", Outcome.INTERRUPTED),
    ]
    assert dialogue.waiting == 0
    assert run(dialogue, *speak("r1", "late"), m.ModelDone("r1"), m.SpeechFlushed("r1"), m.PlaybackDrained("r1")) == []


def test_when_the_voice_fails_the_rest_is_written_once_the_sound_has_ended() -> None:
    dialogue = Dialogue(DialogueTexts())
    run(dialogue, m.Prompted(ADA), *speak("r1", "One. "), m.TokenCame("r1", "Two. "), m.SegmentStarted("r1", "Two. "))
    effects = run(dialogue, m.SpeechFailed(None))
    assert [type(effect) for effect in effects] == [m.CancelSpeech, m.FinishPlayback]
    effects = run(dialogue, m.TokenCame("r1", "Three."), m.ModelDone("r1"))
    assert effects == []
    effects = run(dialogue, m.PlaybackDrained("r1"))
    assert told(effects) == [VOICE_FAILED + "Two. Three."]
    assert effects[-1] == m.EndReply("r1", Outcome.WRITTEN)


def test_a_voice_lost_before_the_first_word_may_be_back_in_time() -> None:
    dialogue = Dialogue(DialogueTexts())
    run(dialogue, m.Prompted(ADA), m.SpeechFailed(None))
    assert run(dialogue, m.TokenCame("r1", "Hello.")) == [m.TokenToVoice("r1", "Hello.")]


def test_a_model_that_times_out_makes_the_persona_say_so() -> None:
    dialogue = Dialogue(DialogueTexts(confused="*Mia seems confused...*"))
    effects = run(dialogue, m.Prompted(ADA), m.ModelFailed("r1", "❌ too slow", timed_out=True))
    assert m.TokenToVoice("r1", "*Mia seems confused...*") in effects
    assert effects[-1] == m.EndOfText("r1")
    assert told(effects) == []


def test_a_model_that_fails_is_told_and_the_next_prompt_works() -> None:
    dialogue = Dialogue(DialogueTexts())
    effects = run(dialogue, m.Prompted(ADA), m.Prompted(ADA), m.ModelFailed("r1", "❌ 500", timed_out=False))
    assert told(effects) == ["❌ 500"]
    assert effects[-1] == m.AskModel("r2", ADA)


def test_a_reply_without_sound_is_written() -> None:
    dialogue = Dialogue(DialogueTexts())
    effects = run(
        dialogue,
        m.Prompted(ADA),
        m.TokenCame("r1", "🙂"),
        m.ModelDone("r1"),
        m.SegmentStarted("r1", "🙂"),
        m.SegmentEnded("r1"),
        m.SpeechFlushed("r1"),
    )
    assert told(effects) == ["🙂"]
    assert effects[-1] == m.EndReply("r1", Outcome.WRITTEN)


def test_recited_text_goes_to_the_voice_and_never_to_the_model() -> None:
    effects = run(Dialogue(DialogueTexts()), m.Prompted(Prompt("Ada", "Say this.", 0.0, kind=PromptKind.RECITE)))
    assert m.TokenToVoice("r1", "Say this.") in effects
    assert not any(isinstance(effect, m.AskModel) for effect in effects)


class AnyOrder(RuleBasedStateMachine):
    """Events in any order, with ids of living, dead and unborn replies: the promises hold."""

    def __init__(self) -> None:
        super().__init__()
        self.dialogue = Dialogue(DialogueTexts())
        self.accepted = 0
        self.dropped = 0
        self.alive: str | None = None
        self.ended: set[str] = set()
        self.model_open: str | None = None

    def feed(self, event: m.Event) -> None:
        for effect in self.dialogue.handle(event):
            match effect:
                case m.Acknowledge():
                    self.accepted += 1
                case m.BeginReply(reply):
                    assert self.alive is None, "two replies at once"
                    assert reply not in self.ended, "an id used twice"
                    self.alive = reply
                case m.EndReply(reply, outcome):
                    assert reply == self.alive
                    assert outcome is not Outcome.SPOKEN or self.model_open is None
                    self.alive = None
                    self.ended.add(reply)
                case m.AskModel(reply):
                    self.model_open = reply
                case m.Play(reply) | m.TokenToVoice(reply) | m.EndOfText(reply) | m.FinishPlayback(reply):
                    assert reply == self.alive, "a dead reply acted"
                case _:
                    pass
            if isinstance(event, m.ModelDone | m.ModelFailed) and event.reply == self.model_open:
                self.model_open = None

    ids = st.integers(0, 4).map(lambda n: f"r{n}")

    @rule(kind=st.sampled_from(PromptKind))
    def prompt(self, kind: PromptKind) -> None:
        self.feed(m.Prompted(Prompt("Ada", "x", 0.0, 1, kind)))

    @rule(heard=st.integers(0, 10**6))
    def stop(self, heard: int) -> None:
        self.dropped += self.dialogue.waiting
        self.model_open = None
        self.feed(m.Stopped(heard))
        assert self.dialogue.current is None

    @rule(reply=ids, which=st.integers(0, 8))
    def anything(self, reply: str, which: int) -> None:
        events: list[m.Event] = [
            m.TokenCame(reply, "word "),
            m.ModelDone(reply),
            m.ModelFailed(reply, "fault", timed_out=which % 2 == 0),
            m.SegmentStarted(reply, "word "),
            m.AudioCame(reply, SOUND),
            m.SegmentEnded(reply),
            m.SpeechFlushed(reply),
            m.SpeechFailed(reply),
            m.SpeechFailed(None),
        ]
        if isinstance(events[which], m.ModelDone | m.ModelFailed) and reply == self.model_open:
            self.model_open = None
        self.feed(events[which])

    @precondition(lambda self: self.alive is not None)
    @rule()
    def let_the_reply_end(self) -> None:
        reply = self.alive
        assert reply is not None
        self.model_open = None
        for event in (m.ModelDone(reply), m.SpeechFlushed(reply), m.PlaybackDrained(reply)):
            self.feed(event)
        assert reply in self.ended, "a reply that can never end"

    @invariant()
    def every_accepted_prompt_is_somewhere(self) -> None:
        living = self.alive is not None
        assert self.accepted == self.dropped + len(self.ended) + living + self.dialogue.waiting
        assert (self.dialogue.current is not None) == living


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
