"""The dialogue's state machine keeps its invariants in random orders of events, which hypothesis makes."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.llm.silence import SILENT
from bot.speech_server.events import Disconnected, SegmentAudio
from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.turn import Outcome, Prompt, PromptKind, TurnId
from tests.voice.dialogue.machine_events import SOUND, spoken
from wire.messages import Failure, Flushed, SegmentEnd, SegmentStart, Speak


class AnyOrder(RuleBasedStateMachine):
    """Random events, with ids of current, past and future replies."""

    voice_speculates = True

    def __init__(self) -> None:
        super().__init__()
        self.dialogue = Dialogue(DialogueTexts, voice_speculates=lambda: self.voice_speculates)
        self.accepted = 0
        self.dropped = 0
        self.alive: str | None = None
        self.sure = False
        self.held = False
        self.floor: set[TurnId] = set()
        self.committed = 0
        self.discarded = 0
        self.merged = 0
        self.ended: set[str] = set()
        self.model_open: str | None = None
        self.prompt_text = ""

    def feed(self, event: on.Event) -> None:
        for effect in self.dialogue.handle(event):
            match effect:
                case do.Acknowledge():
                    self.accepted += 1
                case do.BeginReply(reply, prompt):
                    assert self.alive is None, "two replies at once"
                    assert reply not in self.ended, "an id used twice"
                    self.alive, self.sure = reply, False
                    self.prompt_text = prompt.text
                case do.CommitReply(reply, prompt):
                    assert reply == self.alive and not self.sure
                    assert prompt.text.strip("?").lower() == self.prompt_text.strip("?").lower(), (
                        "a reply to other words was committed"
                    )
                    self.sure = True
                    self.committed += 1
                case do.EndReply(reply, outcome):
                    assert reply == self.alive
                    assert outcome is not Outcome.SPOKEN or self.model_open is None
                    assert self.sure is not (outcome is Outcome.DISCARDED)
                    self.discarded += outcome is Outcome.DISCARDED
                    self.alive = None
                    self.ended.add(reply)
                case do.AskModel(reply):
                    self.model_open = reply
                case do.Send(Speak(reply=reply)):
                    assert reply == self.alive, "a dead reply acted"
                    assert self.sure or self.voice_speculates, "a voice that costs money spoke a speculative reply"
                case (
                    do.Play(reply)
                    | do.MarkSegment(reply)
                    | do.PausePlayback(reply)
                    | do.TrimPlayback(reply)
                    | do.FinishPlayback(reply)
                ):
                    assert reply == self.alive and self.sure, "a speculative or dead reply was heard"
                case do.AnswerAnew():
                    self.accepted += 1
                case do.Tell() if self.alive is None:
                    pass  # A prompt whose reply was interrupted unheard can't be answered anew, and its author is told.
                case do.Remember() | do.Tell():
                    assert self.sure, "a speculative reply left a trace"
                case do.HoldPlayback():
                    assert not self.held
                    self.held = True
                case do.ResumePlayback():
                    assert self.held
                    self.held = False
                case _:
                    pass
            if isinstance(event, on.ModelDone | on.ModelFailed) and event.reply == self.model_open:
                self.model_open = None

    ids = st.integers(0, 4).map(lambda n: f"r{n}")

    @rule(kind=st.sampled_from(PromptKind))
    def prompt(self, kind: PromptKind) -> None:
        self.feed(on.Prompted(Prompt("Ada", "x", 0.0, 1, kind)))

    turns = st.builds(TurnId, st.integers(7, 8), st.integers(1, 2))
    texts = st.sampled_from(["what's", "what's up?", "What's up"])

    @rule(turn=turns, text=texts)
    def speculate(self, turn: TurnId, text: str) -> None:
        self.feed(on.TurnSpeculated(spoken(text, turn)))

    @rule(turn=turns, text=texts)
    def commit(self, turn: TurnId, text: str) -> None:
        waiting, committed, accepted = self.dialogue.waiting, self.committed, self.accepted
        self.feed(on.TurnCommitted(spoken(text, turn)))
        if self.accepted == accepted and self.committed > committed:
            self.accepted += 1  # The speculative reply had the right words and was committed.
        elif self.accepted > accepted:
            begun = self.committed - committed
            self.merged += self.dialogue.waiting + begun == waiting

    @rule(turn=turns)
    def discard(self, turn: TurnId) -> None:
        self.feed(on.TurnDiscarded(turn))

    @rule(turn=turns)
    def speech(self, turn: TurnId) -> None:
        self.floor.add(turn)
        self.feed(on.InterruptionStarted(turn))

    @rule(turn=turns, position=st.integers(0, 10**6))
    def words(self, turn: TurnId, position: int) -> None:
        self.feed(on.InterruptionConfirmed(turn, position))

    @rule(turn=turns)
    def silence(self, turn: TurnId) -> None:
        self.floor.discard(turn)
        self.feed(on.FloorReleased(turn))

    @rule(position=st.integers(0, 10**6))
    def stop(self, position: int) -> None:
        self.dropped += self.dialogue.waiting
        self.model_open = None
        self.feed(on.Stopped(position))
        assert self.dialogue.current is None

    @rule(reply=ids, which=st.integers(0, 15))
    def anything(self, reply: str, which: int) -> None:
        events: list[on.Event] = [
            on.TokenCame(reply, "word "),
            on.ModelDone(reply),
            on.ModelFailed(reply, "fault", timed_out=which % 2 == 0),
            SegmentStart(0, "word ", reply),
            SegmentAudio(reply, 0, SOUND),
            SegmentEnd(0, len(SOUND), reply),
            Flushed(None, 0.0, reply),
            Failure("no voice", "engine_failed", reply),
            Disconnected("gone"),
            on.ModelLoading(reply),
            on.ToolsBegan(reply),
            on.ToolsTakeLong(reply, "One moment.", 0, True),
            on.ToolsTakeLong(reply, "Still looking.", 10**6, False),
            on.TokenCame(reply, SILENT),
            on.SpeechServerReplaced(0),
            on.SpeechServerReplaced(10**6),
        ]
        if isinstance(events[which], on.ModelDone | on.ModelFailed) and reply == self.model_open:
            self.model_open = None
        self.feed(events[which])

    @precondition(lambda self: self.alive is not None and self.sure)
    @rule()
    def let_the_reply_end(self) -> None:
        reply = self.alive
        assert reply is not None
        self.model_open = None
        for event in (on.ModelDone(reply), Flushed(None, 0.0, reply), on.PlaybackDrained(reply)):
            self.feed(event)
        assert reply in self.ended, "a reply that can never end"

    @invariant()
    def playback_is_held_exactly_while_somebody_has_the_floor(self) -> None:
        assert self.held is bool(self.floor)

    @invariant()
    def every_accepted_prompt_is_somewhere(self) -> None:
        living = self.alive is not None
        assert living or self.dialogue.waiting == 0, "a prompt waits although no reply is going on"
        assert (self.dialogue.current is not None) == living
        assert self.dialogue.answering == (living and self.sure)
        answered = len(self.ended) - self.discarded + (living and self.sure)
        assert self.accepted - self.merged == self.dropped + answered + self.dialogue.waiting


class AnyOrderWithACostlyVoice(AnyOrder):
    """Events in any order, with a voice that gets the text of a reply only when the reply is committed."""

    voice_speculates = False


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40)
TestAnyOrderWithACostlyVoice = AnyOrderWithACostlyVoice.TestCase
TestAnyOrderWithACostlyVoice.settings = settings(max_examples=40, stateful_step_count=40)
