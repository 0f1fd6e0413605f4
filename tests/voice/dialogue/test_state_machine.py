"""The dialogue's state machine: examples, and then any order of events that hypothesis can think of."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.speech_server.stream import Disconnected, SegmentAudio
from bot.voice.dialogue import effects as do
from bot.voice.dialogue import events as on
from bot.voice.dialogue.reply import VOICE_FAILED, DialogueTexts
from bot.voice.dialogue.state_machine import MAX_WAITING, TOO_MANY_WAITING, Dialogue
from bot.voice.turn import Microphone, Outcome, Prompt, PromptKind, SpokenTurn, TurnId
from wire.messages import Cancel, Failure, Flushed, SegmentEnd, SegmentStart, Speak

ADA = Prompt("Ada", "what's up?", 0.0, message=1)
TURN, OTHER_TURN = TurnId(7, 1), TurnId(8, 1)
SOUND = np.zeros(9600, np.float32)


def spoken(text: str, turn: TurnId = TURN) -> Prompt:
    return Prompt("Ada", text, 0.0, spoken=SpokenTurn(turn, Microphone.OPEN, 0.1, 0.3))


def run(dialogue: Dialogue, *events: on.Event) -> list[do.Effect]:
    return [effect for event in events for effect in dialogue.handle(event)]


def told(effects: Iterable[do.Effect]) -> list[str]:
    return [effect.text for effect in effects if isinstance(effect, do.Tell)]


def speak(reply: str, text: str) -> list[on.Event]:
    return [
        on.TokenCame(reply, text),
        SegmentStart(0, text, reply),
        SegmentAudio(reply, 0, SOUND),
        SegmentEnd(0, len(SOUND), reply),
    ]


def test_a_reply_goes_from_prompt_to_history() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = run(
        dialogue,
        on.Prompted(ADA),
        *speak("r1", "All is well."),
        on.ModelDone("r1"),
        Flushed(None, 0.0, "r1"),
        on.PlaybackDrained("r1"),
    )
    assert [type(effect) for effect in effects] == [
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


def test_who_writes_too_much_is_told_so_once_until_there_is_room_again() -> None:
    dialogue = Dialogue(DialogueTexts)
    prompts = [Prompt("Ada", str(n), 0.0, n, person=7) for n in range(MAX_WAITING + 8)]
    full = run(dialogue, *map(on.Prompted, prompts))
    assert [effect.prompt for effect in full if isinstance(effect, do.Refuse)] == [prompts[MAX_WAITING + 1]]
    assert [effect.prompt for effect in full if isinstance(effect, do.Drop)] == prompts[MAX_WAITING + 2 :]
    ben = Prompt("Ben", "and I?", 0.0, 99, person=8)
    assert run(dialogue, on.Prompted(ben)) == [do.Refuse(ben, TOO_MANY_WAITING)]
    run(dialogue, on.Stopped(0), *map(on.Prompted, prompts[: MAX_WAITING + 1]))
    again = Prompt("Ada", "again", 0.0, 100, person=7)
    assert run(dialogue, on.Prompted(again)) == [do.Refuse(again, TOO_MANY_WAITING)]


def test_prompts_are_answered_in_order_and_the_twenty_first_to_wait_is_refused() -> None:
    dialogue = Dialogue(DialogueTexts)
    prompts = [Prompt("Ada", str(n), 0.0, n) for n in range(MAX_WAITING + 2)]
    effects = run(dialogue, *map(on.Prompted, prompts))
    assert [effect.prompt for effect in effects if isinstance(effect, do.Refuse)] == [prompts[-1]]
    begun = [effect.prompt for effect in effects if isinstance(effect, do.BeginReply)]
    for _ in range(MAX_WAITING):
        reply = dialogue.current
        assert reply is not None
        effects = run(
            dialogue, *speak(reply, "Yes."), on.ModelDone(reply), Flushed(None, 0.0, reply), on.PlaybackDrained(reply)
        )
        begun += [effect.prompt for effect in effects if isinstance(effect, do.BeginReply)]
    assert begun == prompts[:-1]


def test_stop_cancels_everywhere_and_remembers_what_was_heard() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA), on.Prompted(ADA), *speak("r1", "All is well. "), *speak("r1", "And more."))
    effects = run(dialogue, on.Stopped(heard=len(SOUND)))
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
        run(dialogue, *speak("r1", "late"), on.ModelDone("r1"), Flushed(None, 0.0, "r1"), on.PlaybackDrained("r1"))
        == []
    )


def test_who_is_dismissed_is_answered_no_more_and_the_others_are() -> None:
    dialogue = Dialogue(DialogueTexts)
    ada, ben = Prompt("Ada", "hello", 0.0, 1, person=7), Prompt("Ben", "hello", 0.0, 2, person=8)
    run(dialogue, on.Prompted(ben), on.Prompted(ada), on.Prompted(ben), *speak("r1", "All is well. "))
    effects = run(dialogue, on.Dismissed(8, heard=len(SOUND)))
    assert do.EndReply("r1", Outcome.INTERRUPTED) in effects
    assert [effect.prompt for effect in effects if isinstance(effect, do.BeginReply)] == [ada]
    assert dialogue.waiting == 0
    assert run(dialogue, on.Dismissed(8, heard=0)) == [], "the reply to somebody else goes on"
    assert dialogue.current == "r2"


def test_a_prompt_is_cancelled_while_it_waits_or_is_answered_and_its_twin_is_not() -> None:
    dialogue = Dialogue(DialogueTexts)
    first, twin, other = (Prompt("", "We are recorded.", 0.0, kind=PromptKind.RECITE) for _ in range(3))
    run(dialogue, on.Prompted(first), on.Prompted(twin), on.Prompted(other))
    assert run(dialogue, on.PromptCancelled(twin, 0)) == [do.Drop(twin)]
    assert dialogue.waiting == 1
    effects = run(dialogue, on.PromptCancelled(first, 0))
    assert do.EndReply("r1", Outcome.INTERRUPTED) in effects
    assert dialogue.current == "r2"
    assert run(dialogue, on.PromptCancelled(first, 0)) == [], "it is over"


def test_when_the_voice_fails_the_rest_is_written_once_the_sound_has_ended() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA), *speak("r1", "One. "), on.TokenCame("r1", "Two. "), SegmentStart(0, "Two. ", "r1"))
    effects = run(dialogue, Disconnected("gone"))
    assert [type(effect) for effect in effects] == [do.Send, do.FinishPlayback]
    effects = run(dialogue, on.TokenCame("r1", "Three."), on.ModelDone("r1"))
    assert effects == []
    effects = run(dialogue, on.PlaybackDrained("r1"))
    assert told(effects) == [VOICE_FAILED + "Two. Three."]
    assert effects[-1] == do.EndReply("r1", Outcome.WRITTEN)


def test_a_voice_lost_before_the_first_word_may_be_back_in_time() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA), Disconnected("gone"))
    assert run(dialogue, on.TokenCame("r1", "Hello.")) == [do.Send(Speak("Hello.", reply="r1"))]


def test_a_model_that_times_out_makes_the_persona_say_so() -> None:
    dialogue = Dialogue(lambda: DialogueTexts(confused="*Mia seems confused...*"))
    effects = run(dialogue, on.Prompted(ADA), on.ModelFailed("r1", "❌ too slow", timed_out=True))
    assert do.Send(Speak("*Mia seems confused...*", reply="r1")) in effects
    assert effects[-1] == do.Send(Speak(flush=True, reply="r1"))
    assert told(effects) == []


def test_a_model_that_fails_is_told_and_the_next_prompt_works() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = run(dialogue, on.Prompted(ADA), on.Prompted(ADA), on.ModelFailed("r1", "❌ 500", timed_out=False))
    assert told(effects) == ["❌ 500"]
    assert effects[-1] == do.AskModel("r2", ADA)


def test_a_reply_without_sound_is_written() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = run(
        dialogue,
        on.Prompted(ADA),
        on.TokenCame("r1", "🙂"),
        on.ModelDone("r1"),
        SegmentStart(0, "🙂", "r1"),
        SegmentEnd(0, len(SOUND), "r1"),
        Flushed(None, 0.0, "r1"),
    )
    assert told(effects) == ["🙂"]
    assert effects[-1] == do.EndReply("r1", Outcome.WRITTEN)


def test_recited_text_goes_to_the_voice_and_never_to_the_model() -> None:
    effects = run(Dialogue(DialogueTexts), on.Prompted(Prompt("Ada", "Say this.", 0.0, kind=PromptKind.RECITE)))
    assert do.Send(Speak("Say this.", reply="r1")) in effects
    assert not any(isinstance(effect, do.AskModel) for effect in effects)


AUDIBLE = (do.Play, do.FinishPlayback, do.MarkSegment, do.Tell, do.Remember)


def test_nothing_of_a_speculative_reply_is_heard_before_it_is_committed_and_then_all_of_it_in_order() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = run(dialogue, on.TurnSpeculated(spoken("what's up?")), *speak("r1", "All is well."), on.ModelDone("r1"))
    effects += run(dialogue, Flushed(None, 0.0, "r1"))
    assert do.Send(Speak("All is well.", reply="r1")) in effects
    assert not any(isinstance(effect, AUDIBLE) for effect in effects)
    assert not dialogue.answering
    effects = run(dialogue, on.TurnCommitted(spoken("what's up?")))
    assert [type(effect) for effect in effects] == [do.CommitReply, do.MarkSegment, do.Play, do.FinishPlayback]
    effects = run(dialogue, on.PlaybackDrained("r1"))
    assert effects[-1] == do.EndReply("r1", Outcome.SPOKEN)


def test_a_speculative_reply_that_came_to_nothing_is_neither_heard_nor_remembered() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.TurnSpeculated(spoken("what's")), *speak("r1", "What's what?"))
    effects = run(dialogue, on.TurnDiscarded(TURN))
    assert effects == [
        do.CloseModel("r1"),
        do.Send(Cancel("r1")),
        do.DropPlayback("r1"),
        do.EndReply("r1", Outcome.DISCARDED),
    ]


def test_a_turn_that_ends_otherwise_than_speculated_is_answered_anew() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.TurnSpeculated(spoken("what's")), *speak("r1", "What's what?"))
    effects = run(dialogue, on.TurnCommitted(spoken("what's up?")))
    assert do.EndReply("r1", Outcome.DISCARDED) in effects
    assert do.AskModel("r2", spoken("what's up?")) in effects
    assert dialogue.answering


def test_a_model_that_fails_at_a_speculative_reply_is_told_only_when_the_turn_is_over() -> None:
    dialogue = Dialogue(DialogueTexts)
    assert told(run(dialogue, on.TurnSpeculated(spoken("hi")), on.ModelFailed("r1", "❌ 500", timed_out=False))) == []
    effects = run(dialogue, on.TurnCommitted(spoken("hi")))
    assert told(effects) == ["❌ 500"]
    assert effects[-1] == do.EndReply("r1", Outcome.FAILED)


def test_nobody_is_answered_ahead_of_time_while_others_wait() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA))
    assert run(dialogue, on.TurnSpeculated(spoken("and me?"))) == []
    assert dialogue.waiting == 0


def test_a_prompt_that_came_during_a_speculative_reply_is_answered_when_it_is_discarded() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.TurnSpeculated(spoken("what's")), on.Prompted(ADA))
    assert run(dialogue, on.TurnDiscarded(TURN))[-1] == do.AskModel("r2", ADA)


def test_a_cough_pauses_the_reply_and_it_goes_on() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA), *speak("r1", "Once upon a time."))
    assert run(dialogue, on.InterruptionStarted(TURN)) == [do.HoldPlayback()]
    assert run(dialogue, on.FloorReleased(TURN)) == [do.ResumePlayback()]
    assert dialogue.current == "r1"


def test_words_end_the_reply_and_the_bot_stays_silent_until_they_are_over() -> None:
    dialogue = Dialogue(DialogueTexts)
    waiting = Prompt("Ben", "and me?", 0.0, message=2)
    run(
        dialogue,
        on.Prompted(ADA),
        *speak("r1", "Once upon a time."),
        on.Prompted(waiting),
        on.InterruptionStarted(TURN),
    )
    effects = run(dialogue, on.InterruptionConfirmed(TURN, heard=len(SOUND)))
    assert do.Remember(ADA, "Once upon a time.", interrupted=True) in effects
    assert do.AskModel("r2", waiting) in effects
    assert do.ResumePlayback() not in effects
    # The turn that interrupted has been paid for: its further words don't cost the next reply.
    assert run(dialogue, on.InterruptionConfirmed(TURN, heard=0)) == []
    effects = run(dialogue, on.TurnCommitted(spoken("tell me another")), on.FloorReleased(TURN))
    assert effects[-1] == do.ResumePlayback()
    assert dialogue.waiting == 1


def test_playback_is_held_until_the_last_of_two_speakers_has_finished() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA))
    assert run(dialogue, on.InterruptionStarted(TURN), on.InterruptionStarted(OTHER_TURN)) == [do.HoldPlayback()]
    assert run(dialogue, on.FloorReleased(TURN)) == []
    assert run(dialogue, on.FloorReleased(OTHER_TURN)) == [do.ResumePlayback()]


def test_words_of_somebody_who_began_before_the_reply_do_not_end_it() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.InterruptionStarted(OTHER_TURN), on.Prompted(ADA))
    assert run(dialogue, on.InterruptionConfirmed(OTHER_TURN, heard=0)) == []
    assert dialogue.current == "r1"


def test_what_one_person_adds_while_they_wait_is_one_prompt() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA), on.TurnCommitted(spoken("What time is it")), on.TurnCommitted(spoken("in Tokyo?")))
    assert dialogue.waiting == 1
    run(dialogue, on.TurnCommitted(spoken("Hello.", OTHER_TURN)))
    assert dialogue.waiting == 2
    effects = run(
        dialogue, *speak("r1", "Yes."), on.ModelDone("r1"), Flushed(None, 0.0, "r1"), on.PlaybackDrained("r1")
    )
    assert [e.prompt.text for e in effects if isinstance(e, do.AskModel)] == ["What time is it in Tokyo?"]


WAKING = DialogueTexts().waking


def said_of_waking(reply: str) -> list[on.Event]:
    """The voice says that it takes a moment."""
    return [
        on.ModelLoading(reply),
        SegmentStart(0, "One moment,", reply),
        SegmentAudio(reply, 0, SOUND),
        SegmentEnd(0, len(SOUND), reply),
        SegmentStart(0, " my mind is waking up.", reply),
        SegmentAudio(reply, 0, SOUND),
        SegmentEnd(0, len(SOUND), reply),
    ]


def test_while_the_model_loads_the_voice_says_so_and_the_history_does_not() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = run(dialogue, on.Prompted(ADA), *said_of_waking("r1"))
    assert do.Send(Speak(WAKING + "\n", reply="r1")) in effects
    assert effects[-1] == do.PausePlayback("r1")
    effects = run(
        dialogue,
        *speak("r1", "\nAll is well."),
        on.ModelDone("r1"),
        Flushed(None, 0.0, "r1"),
        on.PlaybackDrained("r1"),
    )
    assert told(effects) == []
    assert do.Remember(ADA, "All is well.", interrupted=False) in effects


def test_it_is_said_once_and_not_after_the_first_words() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA), on.ModelLoading("r1"))
    assert run(dialogue, on.ModelLoading("r1")) == []
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA), on.TokenCame("r1", "Well"))
    assert run(dialogue, on.ModelLoading("r1")) == []


def test_who_interrupts_while_the_model_loads_leaves_no_answer_behind() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA), *said_of_waking("r1"))
    effects = run(dialogue, on.Stopped(2 * len(SOUND)))
    assert do.CloseModel("r1") in effects
    assert do.Remember(ADA, "", interrupted=True) in effects


def test_of_an_interrupted_answer_only_its_own_words_are_remembered() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA), *said_of_waking("r1"), *speak("r1", "\nAll is well."), *speak("r1", " Be glad."))
    effects = run(dialogue, on.Stopped(3 * len(SOUND)))
    assert do.Remember(ADA, "All is well.", interrupted=True) in effects


def test_without_a_voice_it_is_written() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA), Failure("no voice", "engine_failed", "r1"))
    assert told(run(dialogue, on.ModelLoading("r1"))) == [WAKING]
    effects = run(dialogue, on.TokenCame("r1", "All is well."), on.ModelDone("r1"))
    assert told(effects) == [VOICE_FAILED + "All is well."]
    assert do.Remember(ADA, "All is well.", interrupted=False) in effects


def test_a_voice_that_fails_before_it_could_say_so_has_it_written() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA), on.ModelLoading("r1"))
    assert told(run(dialogue, Disconnected("gone"))) == [WAKING]


def test_an_answer_that_cannot_be_spoken_is_written_after_it() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA), *said_of_waking("r1"), on.TokenCame("r1", "👍"), on.ModelDone("r1"))
    effects = run(dialogue, Flushed(None, 0.0, "r1"), on.PlaybackDrained("r1"))
    assert told(effects) == ["👍"]


def test_a_speculative_reply_says_nothing_of_it_before_it_is_committed() -> None:
    dialogue = Dialogue(DialogueTexts)
    effects = run(dialogue, on.TurnSpeculated(spoken("hello")), *said_of_waking("r1"))
    assert not any(isinstance(effect, do.Play | do.MarkSegment | do.PausePlayback) for effect in effects)
    effects = run(dialogue, on.TurnCommitted(spoken("hello")))
    assert [type(effect) for effect in effects][-1] is do.PausePlayback


def test_a_model_that_fails_after_loading_is_told() -> None:
    dialogue = Dialogue(DialogueTexts)
    run(dialogue, on.Prompted(ADA), *said_of_waking("r1"))
    effects = run(dialogue, on.ModelFailed("r1", "❌ gone", timed_out=False), Flushed(None, 0.0, "r1"))
    effects += run(dialogue, on.PlaybackDrained("r1"))
    assert told(effects) == ["❌ gone"]
    assert do.EndReply("r1", Outcome.FAILED) in effects
    assert not any(isinstance(effect, do.Remember) for effect in effects)


class AnyOrder(RuleBasedStateMachine):
    """Events in any order, with ids of living, dead and unborn replies: the promises hold."""

    def __init__(self) -> None:
        super().__init__()
        self.dialogue = Dialogue(DialogueTexts)
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

    def feed(self, event: on.Event) -> None:
        for effect in self.dialogue.handle(event):
            match effect:
                case do.Acknowledge():
                    self.accepted += 1
                case do.BeginReply(reply):
                    assert self.alive is None, "two replies at once"
                    assert reply not in self.ended, "an id used twice"
                    self.alive, self.sure = reply, False
                case do.CommitReply(reply):
                    assert reply == self.alive and not self.sure
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
                case do.Play(reply) | do.MarkSegment(reply) | do.PausePlayback(reply) | do.FinishPlayback(reply):
                    assert reply == self.alive and self.sure, "a speculative or a dead reply, was heard"
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
    texts = st.sampled_from(["what's", "what's up?"])

    @rule(turn=turns, text=texts)
    def speculate(self, turn: TurnId, text: str) -> None:
        self.feed(on.TurnSpeculated(spoken(text, turn)))

    @rule(turn=turns, text=texts)
    def commit(self, turn: TurnId, text: str) -> None:
        waiting, committed, accepted = self.dialogue.waiting, self.committed, self.accepted
        self.feed(on.TurnCommitted(spoken(text, turn)))
        if self.accepted == accepted and self.committed > committed:
            self.accepted += 1  # The speculation was right, and became the prompt.
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

    @rule(turn=turns, heard=st.integers(0, 10**6))
    def words(self, turn: TurnId, heard: int) -> None:
        self.feed(on.InterruptionConfirmed(turn, heard))

    @rule(turn=turns)
    def silence(self, turn: TurnId) -> None:
        self.floor.discard(turn)
        self.feed(on.FloorReleased(turn))

    @rule(heard=st.integers(0, 10**6))
    def stop(self, heard: int) -> None:
        self.dropped += self.dialogue.waiting
        self.model_open = None
        self.feed(on.Stopped(heard))
        assert self.dialogue.current is None

    @rule(reply=ids, which=st.integers(0, 9))
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
        assert (self.dialogue.current is not None) == living
        assert self.dialogue.answering == (living and self.sure)
        answered = len(self.ended) - self.discarded + (living and self.sure)
        assert self.accepted - self.merged == self.dropped + answered + self.dialogue.waiting


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
