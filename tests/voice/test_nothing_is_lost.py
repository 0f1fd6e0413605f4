"""People speak, type and interrupt in random orders: each question is answered, or its author knows that it is not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from itertools import count
from unittest.mock import patch

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.restarting import RESTARTING
from bot.voice.dialogue import prompt_queue
from bot.voice.dialogue.left_unanswered import CALL_ENDED
from bot.voice.dialogue.prompt_queue import TOO_MANY_WAITING
from bot.voice.prompt_handles import PromptHandle
from bot.voice.transcribe.transcriber import Transcript, TranscriptionError, TranscriptionShed, Urgency
from bot.voice.turn import Outcome, Prompt, PromptKind, TurnId
from bot.voice.turn_taking import INTERRUPTION_INTERVAL
from bot.voice.turn_transcriber import FAILURE_NOTICE_INTERVAL
from bot.voice.turns.events import SpeechPaused, SpeechResumed, SpeechSoFar, TurnDropped, TurnEvent, TurnStarted
from bot.voice.utterances.voice_commands import VoiceCommand
from tests.timing import settle
from tests.voice.dialogue.talk import SOUND
from tests.voice.turn_taking.harness import ended, sound
from tests.voice.whole_talk import NAMES, WholeTalk

ANSWERED = (Outcome.SPOKEN, Outcome.WRITTEN, Outcome.SILENT)
MAX_WAITING = 3

people = st.sampled_from(list(NAMES))
# What a person says first. The classifier of these tests knows the kind of an utterance by the word before the colon.
words = st.sampled_from(["", "others: ", "stop: ", "again: ", "echo: ", "mhm: ", *3 * ["please "]])


def questions_in(text: str) -> list[str]:
    return re.findall(r"q\d+", text)


class NothingIsLost(RuleBasedStateMachine):
    """Random things that people, the model, the ears and the voice do in a call."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.few = patch.object(prompt_queue, "MAX_WAITING", MAX_WAITING)
        self.few.start()
        self.talk = self.loop.run_until_complete(self.begin())
        self.numbers = count(1)
        self.speaking: dict[int, TurnId] = {}
        self.paused: dict[int, bool] = {}
        self.said: dict[TurnId, str] = {}
        self.over: list[TurnId] = []
        self.failed: set[TurnId] = set()
        self.asked: dict[str, int] = {}
        self.unwanted: set[str] = set()
        self.forgotten: set[str] = set()
        self.handles: list[PromptHandle] = []
        self.stops = 0

    async def begin(self) -> WholeTalk:
        talk = WholeTalk()
        await settle()
        return talk

    def do(self, work: Callable[[], object] = lambda: None) -> None:
        """Do something on the event loop, and let all happen that follows from it."""

        async def do_it() -> None:
            work()
            await settle()

        self.talk.clock.now += 1
        self.loop.run_until_complete(do_it())
        for heard in self.talk.heard:
            if heard.addressed and (question := questions_in(heard.text)[0]) not in self.asked:
                self.asked[question] = heard.person
                if self.call_ended and heard.text.startswith("again"):
                    # Turn taking goes on after the call only in this test. The command "again" needs no answer then.
                    self.unwanted.add(question)
        stops = [command for command in self.talk.commands if command.kind is VoiceCommand.STOP]
        if len(stops) > self.stops:
            self.stops = len(stops)
            self.unwanted |= self.asked.keys()

    def feed(self, event: TurnEvent) -> None:
        self.do(lambda: self.talk.turn_taking.on_turn_event(event))

    # What people do.

    @rule(person=people, prefix=words)
    def speak(self, person: int, prefix: str) -> None:
        if person in self.speaking:
            return
        number = next(self.numbers)
        turn = self.speaking[person] = TurnId(person, number)
        self.paused[person] = False
        self.said[turn] = prefix and f"{prefix}q{number}"
        self.feed(TurnStarted(turn, 0.0, 0.0))

    def speaker(self, person: int) -> int | None:
        """The person, or somebody else who speaks; ``None`` if nobody does."""
        return person if person in self.speaking else next(iter(self.speaking), None)

    @precondition(lambda self: self.speaking)
    @rule(person=people)
    def speak_on(self, person: int) -> None:
        speaker = self.speaker(person)
        assert speaker is not None
        turn = self.speaking[speaker]
        if self.paused[speaker]:
            self.paused[speaker] = False
            self.feed(SpeechResumed(turn, 0.0))
        self.feed(SpeechSoFar(turn, sound(turn.number), self.talk.clock()))

    @precondition(lambda self: self.speaking)
    @rule(person=people)
    def pause(self, person: int) -> None:
        speaker = self.speaker(person)
        assert speaker is not None
        if not self.paused[speaker]:
            self.paused[speaker] = True
            turn = self.speaking[speaker]
            self.feed(SpeechPaused(turn, sound(turn.number), 0.0, 0.0))

    @precondition(lambda self: self.speaking)
    @rule(person=people)
    def finish(self, person: int) -> None:
        speaker = self.speaker(person)
        assert speaker is not None
        turn = self.speaking[speaker]
        if not self.paused[speaker]:
            self.feed(SpeechPaused(turn, sound(turn.number), 0.0, 0.0))
        del self.speaking[speaker]
        self.over.append(turn)
        self.feed(ended(turn, turn.number))

    @precondition(lambda self: self.speaking)
    @rule(person=people)
    def turn_out_to_be_nothing(self, person: int) -> None:
        speaker = self.speaker(person)
        assert speaker is not None
        self.feed(TurnDropped(self.speaking.pop(speaker), 0.0))

    @rule(person=people, prefix=words)
    def break_in(self, person: int, prefix: str) -> None:
        """Have a person say words that end the reply, whatever the turn turns out to be."""
        self.talk.clock.now += INTERRUPTION_INTERVAL
        self.speak(person, prefix)
        self.speak_on(person)
        for at, answer in self.untranscribed():
            if self.talk.transcriber.asked[at].urgency is Urgency.INTERIM:
                self.do(partial(answer.set_result, Transcript("please")))

    @rule(person=people, prefix=words)
    def say(self, person: int, prefix: str) -> None:
        """Have a person say something that is understood."""
        self.speak(person, prefix)
        self.finish(person)
        self.understand_all()

    def untranscribed(self) -> list[tuple[int, asyncio.Future[Transcript]]]:
        return [(at, answer) for at, answer in enumerate(self.talk.transcriber.answers) if not answer.done()]

    def understand_all(self) -> None:
        for at, answer in self.untranscribed():
            number = len(self.talk.transcriber.asked[at].sound)
            text = next(text for turn, text in self.said.items() if turn.number == number)
            self.do(partial(answer.set_result, Transcript(text)))

    @rule(person=people, kind=st.sampled_from([PromptKind.ASK, PromptKind.ASK, PromptKind.RECITE]))
    def write(self, person: int, kind: PromptKind) -> None:
        if person in self.talk.people.ignored:
            return
        if self.talk.conversation.over:
            return  # After the end of the call, whoever passes a prompt on tells its author.
        question = f"q{next(self.numbers)}"
        self.asked[question] = person
        prompt = Prompt(NAMES[person], question, self.talk.clock(), len(self.handles) + 1, kind, person)
        self.do(lambda: self.handles.append(self.talk.conversation.prompt(prompt)))

    @precondition(lambda self: self.handles)
    @rule(which=st.integers(0, 9))
    def take_back(self, which: int) -> None:
        handle = self.handles[which % len(self.handles)]
        if handle.outcome is None:
            self.unwanted.add(handle.prompt.text)
            self.do(handle.interrupt)

    @rule(person=people)
    def ignore_or_not(self, person: int) -> None:
        ignored = self.talk.people.ignored
        ignored ^= {person}
        if person in ignored:
            self.unwanted |= {question for question, author in self.asked.items() if author == person}
            self.do(lambda: self.talk.conversation.dismiss(person))

    @precondition(lambda self: len(self.asked) > 1)
    @rule(person=people)
    def opt_out(self, person: int) -> None:
        """Have a person opt out and in again. What they have said before that is dropped."""
        self.talk.people.ignored.discard(person)
        self.speaking.pop(person, None)
        self.forgotten |= {question for question, author in self.asked.items() if author == person}
        self.forgotten |= {
            question for turn, text in self.said.items() for question in questions_in(text) if turn.person == person
        }
        self.unwanted |= self.forgotten
        self.failed |= {turn for turn in self.said if turn.person == person}

        def forget() -> None:
            self.talk.turn_taking.forget(person)
            self.talk.conversation.dismiss(person)
            self.talk.history.forget(person)

        self.do(forget)

    # What the ears, the model and the voice do.

    @precondition(lambda self: self.untranscribed())
    @rule(which=st.integers(0, 5), what=st.sampled_from([*5 * ["words"], "other words", "failure", "shed"]))
    def transcribe(self, which: int, what: str) -> None:
        waiting = self.untranscribed()
        at, answer = waiting[which % len(waiting)]
        request = self.talk.transcriber.asked[at]
        turn = next(turn for turn in self.said if turn.number == len(request.sound))
        if what == "shed" and request.urgency is not Urgency.FINAL:
            answer.set_exception(TranscriptionShed("too much"))
        elif what == "failure":
            self.talk.clock.now += FAILURE_NOTICE_INTERVAL
            if request.urgency > Urgency.INTERIM:
                self.failed.add(turn)
            answer.set_exception(TranscriptionError("The ears have failed."))
        elif what == "other words" and request.urgency <= Urgency.INTERIM:
            answer.set_result(Transcript("please"))
        else:
            answer.set_result(Transcript(self.said[turn]))
        self.do()

    @precondition(lambda self: self.talk.responder.steps is not None)
    @rule(step=st.sampled_from(["word", "word", "word", "end", "end", "fail", "tools"]))
    def answer(self, step: str) -> None:
        assert self.talk.responder.steps is not None
        self.talk.responder.steps.put_nowait(step)
        self.do()

    @precondition(lambda self: self.talk.responder.steps is not None)
    @rule(position=st.sampled_from([0, len(SOUND) // 3, len(SOUND)]))
    def look_something_up(self, position: int) -> None:
        """Have the model say something, of which people hear the beginning, and then use tools."""
        self.answer("word")
        self.listen(position)
        if self.talk.responder.steps is not None:
            self.answer("tools")

    @rule(samples=st.sampled_from([len(SOUND) // 3, len(SOUND), 100 * len(SOUND)]))
    def listen(self, samples: int) -> None:
        self.do(lambda: self.talk.playback.play(samples))

    @rule()
    def lose_the_voice_or_find_it(self) -> None:
        self.talk.voice.gone = not self.talk.voice.gone

    restarting = False

    @precondition(lambda self: not self.restarting and len(self.asked) > 3)
    @rule(kept=st.booleans())
    def begin_to_restart(self, kept: bool) -> None:
        self.restarting = True
        self.do(lambda: self.talk.conversation.begin_restart(lambda _: kept))

    @precondition(lambda self: self.restarting)
    @rule()
    def restart_without_waiting(self) -> None:
        self.do(self.talk.conversation.end_for_restart)

    call_ended = False

    @precondition(lambda self: not self.call_ended and len(self.asked) > 3)
    @rule()
    def end_the_call(self) -> None:
        """End the call by a fault. Turn taking goes on for a moment."""
        self.call_ended = True
        self.do(lambda: self.talk.conversation.end(spoken_too=True))

    # What must be true.

    @invariant()
    def words_are_known_once(self) -> None:
        turns = self.talk.history.newest(1_000)
        written = [question for turn in turns for question in questions_in(turn.text)]
        assert len(written) == len(set(written)), "a question is in the history twice"
        assert not self.forgotten.intersection(written), "what a person has said is known after they have opted out"
        shown = [question for event in self.talk.taken if not event.late for question in questions_in(event.text)]
        assert len(shown) == len(set(shown)), "a question is shown twice"
        replies = self.talk.ended
        answered = [
            question
            for event in self.talk.taken
            if event.reply in replies and replies[event.reply].heard
            for question in questions_in(event.text)
        ]
        assert len(answered) == len(set(answered)), "a question is answered twice"

    def teardown(self) -> None:
        try:
            self.let_everything_end()
            self.check()
        finally:
            self.loop.run_until_complete(self.talk.end())
            self.loop.close()
            self.few.stop()

    def let_everything_end(self) -> None:
        for person in [*self.speaking]:
            self.finish(person)
        for _ in range(200):
            self.understand_all()
            if self.talk.responder.steps is not None:
                self.answer("word")
            if self.talk.responder.steps is not None:
                self.answer("end")
            self.listen(10**9)
            if self.talk.conversation.floor_free:
                return
        raise AssertionError("the call never comes to rest")

    def check(self) -> None:
        for handle in self.handles:
            assert handle.outcome is not None, f"{handle.prompt.text} waits for ever"
        heard = [event.turn for event in self.talk.heard]
        assert len(heard) == len(set(heard))
        for turn in self.over:
            text = self.said[turn]
            assert turn in heard or not text or text.startswith("echo") or turn in self.failed, f"{text} was not heard"
        for question in self.asked:
            assert self.is_settled(question), f"{question} is lost"

    def is_settled(self, question: str) -> bool:
        """Whether a question was answered, or joined to a later one that is settled, or its author was told."""
        if question in self.unwanted:
            return True
        person = self.asked[question]
        aside = any(question in questions_in(prompt.text) for prompt in self.talk.conversation.set_aside)
        for text, prompts in self.talk.channel.told:
            if any(question in questions_in(prompt.text) for prompt in prompts):
                return True
            # A person with several prompts is told once that too many wait, and once that all are kept.
            told_once = text == TOO_MANY_WAITING or (text == RESTARTING and aside) or text.startswith(CALL_ENDED)
            if told_once and any(prompt.person == person for prompt in prompts):
                return True
        replies = self.talk.ended
        for taken in self.talk.taken:
            if question not in questions_in(taken.text):
                continue
            reply = replies[taken.reply]
            used_tools = any(question in questions_in(text) for text in self.talk.responder.used_tools)
            if reply.trace.outcome in ANSWERED or ("found" in reply.heard if used_tools else reply.heard):
                return True
            by = self.talk.interrupted_by.get(taken.reply)
            if by is not None and by.person == person and taken.turn is not None:
                later = questions_in(self.said[by])
                if later and later[0] in self.asked and self.is_settled(later[0]):
                    return True
        return False


TestNothingIsLost = NothingIsLost.TestCase
TestNothingIsLost.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)


class NothingIsLostForLong(NothingIsLost):
    """The same steps in more and longer examples."""


TestNothingIsLostForLong = pytest.mark.slow(NothingIsLostForLong.TestCase)
TestNothingIsLostForLong.settings = settings(max_examples=1_500, stateful_step_count=60, deadline=None)
