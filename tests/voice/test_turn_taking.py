"""From turn events to prompts: what is asked of the transcriber, what reaches the conversation, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest

from audio.samples import Sound16
from bot.llm.history import History, Turn
from bot.voice.events import CallEvent, SpeechStarted, SpeechStopped, UtteranceHeard
from bot.voice.transcribe.transcriber import (
    Transcript,
    TranscriptionError,
    TranscriptionRequest,
    TranscriptionShed,
    Urgency,
)
from bot.voice.turn import Microphone, Prompt, TurnId
from bot.voice.turn_taking import COMPLAIN_EVERY, NOT_UNDERSTOOD, TOLD_TURNS, TurnTaking
from bot.voice.turns.events import (
    SpeechPaused,
    SpeechResumed,
    SpeechSoFar,
    TurnDropped,
    TurnEnded,
    TurnPart,
    TurnStarted,
)
from bot.voice.utterances.classifier import Classification, SpokenCommand, Utterance, UtteranceKind
from bot.voice.utterances.voice_commands import VoiceCommand

ADA, BEN = TurnId(1, 1), TurnId(2, 1)


def sound(number: int) -> Sound16:
    """A sound that the scripted transcriber tells from others by its length."""
    return np.zeros(number, np.float32)


@dataclass(eq=False)
class HandTranscriber:
    """Answers when the test says so."""

    asked: list[TranscriptionRequest] = field(default_factory=list)
    answers: list[asyncio.Future[Transcript]] = field(default_factory=list)
    broken: TranscriptionError | None = None

    async def warm_up(self) -> None:
        if self.broken is not None:
            raise self.broken

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        self.asked.append(request)
        self.answers.append(asyncio.get_running_loop().create_future())
        return await self.answers[-1]

    async def problem(self) -> str | None: ...

    async def rest(self) -> None: ...

    async def close(self) -> None: ...

    def describe(self) -> str:
        return "by hand"

    async def say(self, text: str, number: int = -1) -> None:
        """Answer a request and let everything happen that follows."""
        self.answers[number].set_result(Transcript(text))
        await settle()

    async def fail(self, error: TranscriptionError, number: int = -1) -> None:
        self.answers[number].set_exception(error)
        await settle()


@dataclass(eq=False)
class Journal:
    """An Answering that writes down what it is asked; ``answering`` is set by the test."""

    answering: bool = False
    answered: int | None = None
    lines: list[str] = field(default_factory=list)
    prompts: list[Prompt] = field(default_factory=list)

    def speculate(self, prompt: Prompt) -> None:
        self.lines.append(f"speculate {prompt.text}")

    def commit(self, prompt: Prompt) -> None:
        self.lines.append(f"commit {prompt.text}")
        self.prompts.append(prompt)

    def discard(self, turn: TurnId) -> None:
        self.lines.append("discard")

    def interruption_started(self, turn: TurnId) -> None:
        self.lines.append("hold")

    def interruption_confirmed(self, turn: TurnId) -> None:
        self.lines.append("interrupt")

    def release_floor(self, turn: TurnId) -> None:
        self.lines.append("free")

    def overhear(self, turn: Turn) -> None:
        self.lines.append(f"overhear {turn.speaker} ({turn.person}): {turn.text}")


class Pair:
    """Ada, who may interrupt, and Ben, who may not."""

    def __init__(self) -> None:
        self.ignored: set[int] = set()

    def name(self, person: int) -> str:
        return {1: "Ada", 2: "Ben"}[person]

    def names(self) -> tuple[str, ...]:
        return ("Ada", "Ben")

    def may_talk(self, person: int) -> bool:
        return person not in self.ignored

    def may_interrupt(self, person: int, answered: int | None) -> bool:
        return person == 1


class PlainJudge:
    """Judges by what stands in front of the text."""

    own_names = ("Seiyuu",)

    def classify(self, utterance: Utterance) -> Classification:
        match utterance.text.partition(":")[0]:
            case "":
                return Classification(UtteranceKind.NOTHING)
            case "echo" if utterance.may_be_echo:
                return Classification(UtteranceKind.ECHO)
            case "mhm" if utterance.interrupting:
                return Classification(UtteranceKind.BACKCHANNEL)
            case "others":
                return Classification(UtteranceKind.OVERHEARD)
            case "again":
                return Classification(UtteranceKind.COMMAND, VoiceCommand.REPEAT_ME)
            case "stop" if utterance.interrupting:
                return Classification(UtteranceKind.COMMAND, VoiceCommand.STOP)
            case _:
                return Classification(UtteranceKind.ADDRESSED)

    def said(self, person: int, text: str, *, addressed: bool) -> None: ...


@dataclass(eq=False)
class HandEndOfTurn:
    """Judges every pause alike; at once, or when the test sets ``answer``."""

    over: float = 0.75
    answer: asyncio.Future[float] | None = None
    asked: list[tuple[int, str, tuple[Turn, ...]]] = field(default_factory=list)

    async def probability(self, sound: Sound16, text: str, history: Sequence[Turn]) -> float:
        self.asked.append((len(sound), text, tuple(history)))
        return self.over if self.answer is None else await self.answer


@dataclass(eq=False)
class Pauses:
    """Where the detectors would be told how likely a pause is the end."""

    estimates: list[tuple[TurnId, float, bool]] = field(default_factory=list)

    def end_of_turn_estimated(self, turn: TurnId, over: float, *, wordless: bool = False) -> None:
        self.estimates.append((turn, over, wordless))


@dataclass(eq=False)
class Obeyed:
    """Takes down what was asked for aloud."""

    commands: list[SpokenCommand]

    def obey(self, command: SpokenCommand) -> None:
        self.commands.append(command)


@dataclass(eq=False)
class RecordingTeller:
    """Takes down what people are told."""

    texts: list[str]

    def tell(self, text: str, prompt: Prompt | None = None) -> None:
        self.texts.append(text)


@dataclass(eq=False)
class Table:
    taking: TurnTaking
    transcriber: HandTranscriber
    journal: Journal
    participants: Pair = field(default_factory=Pair)
    end_of_turn: HandEndOfTurn = field(default_factory=HandEndOfTurn)
    pauses: Pauses = field(default_factory=Pauses)
    history: History = field(default_factory=History)
    commands: list[SpokenCommand] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    watched: list[CallEvent] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    async def feed(self, *events: object) -> None:
        for event in events:
            self.taking.on_turn_event(event)  # type: ignore[arg-type]
        await settle()

    @property
    def lines(self) -> list[str]:
        return self.journal.lines


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def seated(transcriber: HandTranscriber | None = None) -> AsyncIterator[Table]:
    transcriber, journal = transcriber or HandTranscriber(), Journal()
    end_of_turn, pauses = HandEndOfTurn(), Pauses()
    history = History()
    commands: list[SpokenCommand] = []
    troubles: list[str] = []
    watched: list[CallEvent] = []
    participants = Pair()
    times = [3.0]
    taking = TurnTaking(
        transcriber,
        journal,
        participants,
        PlainJudge(),
        end_of_turn,
        pauses,
        Obeyed(commands),
        RecordingTeller(troubles),
        history=history,
        watch=watched.append,
        clock=lambda: times[-1],
    )
    running = asyncio.create_task(taking.run())
    await settle()
    yield Table(
        taking, transcriber, journal, participants, end_of_turn, pauses, history, commands, troubles, watched, times
    )
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def table() -> AsyncIterator[Table]:
    async with seated() as table:
        yield table


def ended(turn: TurnId, number: int, at: float = 2.5) -> TurnEnded:
    return TurnEnded(turn, sound(number), 1.0, 2.0, at, Microphone.OPEN)


async def test_the_answer_is_prepared_at_the_pause_and_committed_at_the_end(table: Table) -> None:
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    assert table.transcriber.asked[0].urgency is Urgency.SPECULATION
    assert "Ben" in table.transcriber.asked[0].hot_words
    await table.transcriber.say("What time is it?")
    assert table.lines == ["hold", "speculate What time is it?"]
    assert table.end_of_turn.asked == [(5, "What time is it?", ())]
    assert table.pauses.estimates == [(ADA, 0.75, False)]
    await table.feed(ended(ADA, 5))
    assert table.lines[2:] == ["commit What time is it?", "free"]
    prompt = table.journal.prompts[0]
    assert (prompt.author, prompt.person, prompt.at) == ("Ada", 1, 2.0)
    assert prompt.spoken is not None
    assert (prompt.spoken.paused_at, prompt.spoken.transcribed_at, prompt.spoken.ended_at) == (2.2, 3.0, 2.5)
    assert table.watched == [
        SpeechStarted(ADA),
        SpeechStopped(ADA),
        UtteranceHeard(1, "Ada", "What time is it?", addressed=True, turn=ADA),
    ]


@pytest.mark.parametrize("turn", [ADA, BEN], ids=["may interrupt", "may not"])
async def test_a_stop_counts_as_when_it_was_said_and_not_as_when_its_words_are_known(
    table: Table, turn: TurnId
) -> None:
    table.journal.answering = True
    await table.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2))
    # On a busy machine the answer is over before anybody knows what was said into it.
    table.journal.answering = False
    await table.transcriber.say("stop: now")
    await table.feed(ended(turn, 5))
    assert [command.command for command in table.commands] == [VoiceCommand.STOP]
    assert "commit stop: now" not in table.lines


async def test_who_goes_on_is_transcribed_anew_and_the_first_words_are_forgotten(table: Table) -> None:
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await table.feed(SpeechResumed(ADA, 2.3), SpeechPaused(ADA, sound(9), 2.9, 3.0), ended(ADA, 9))
    await table.transcriber.say("What time is it?")
    assert [line for line in table.lines if "speculate" in line or "commit" in line] == ["commit What time is it?"]
    assert table.transcriber.answers[0].cancelled()


async def test_a_turn_that_ends_before_its_words_are_known_is_answered_when_they_are(table: Table) -> None:
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2), ended(ADA, 5))
    assert len(table.transcriber.asked) == 1
    await table.transcriber.say("Hello.")
    assert table.lines == ["hold", "commit Hello.", "free"]


async def test_a_slow_estimate_of_the_end_does_not_hold_the_answer_back(table: Table) -> None:
    table.end_of_turn.answer = asyncio.get_running_loop().create_future()
    for number in range(TOLD_TURNS + 1):
        table.history.add(Turn.of_person("Ben", f"{number}", 2))
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await table.transcriber.say("What time is it?")
    assert table.lines == ["hold", "speculate What time is it?"]
    assert table.end_of_turn.asked == [(5, "What time is it?", table.history.newest(TOLD_TURNS))]
    assert table.history.newest(TOLD_TURNS)[0].text == "1", "the newest are told"
    assert table.pauses.estimates == []
    table.end_of_turn.answer.set_result(0.9)
    await settle()
    assert table.pauses.estimates == [(ADA, 0.9, False)]


async def test_a_pause_is_estimated_no_more_when_they_go_on(table: Table) -> None:
    table.end_of_turn.answer = asyncio.get_running_loop().create_future()
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await table.transcriber.say("What time is it?")
    await table.feed(SpeechResumed(ADA, 2.3))
    assert table.end_of_turn.answer.cancelled()
    assert table.pauses.estimates == []


async def test_the_end_of_a_turn_without_words_is_no_question(table: Table) -> None:
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await table.transcriber.say("")
    assert table.end_of_turn.asked == []
    assert table.pauses.estimates == [(ADA, 1.0, True)]


async def test_an_estimate_of_the_end_that_fails_costs_nobody_an_answer(table: Table) -> None:
    table.end_of_turn.answer = asyncio.get_running_loop().create_future()
    table.end_of_turn.answer.set_exception(RuntimeError("the model is broken"))
    for turn, number in ((ADA, 5), (BEN, 6)):
        await table.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(number), 2.0, 2.2))
        await table.transcriber.say("Hello.")
        await table.feed(ended(turn, number))
    assert table.pauses.estimates == []
    assert [prompt.author for prompt in table.journal.prompts] == ["Ada", "Ben"]


async def test_a_shed_speculation_is_asked_again_once_the_turn_is_over(table: Table) -> None:
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await table.transcriber.fail(TranscriptionShed("too busy"))
    await table.feed(ended(ADA, 5))
    assert [request.urgency for request in table.transcriber.asked] == [Urgency.SPECULATION, Urgency.FINAL]
    await table.transcriber.say("Hello.")
    assert "commit Hello." in table.lines
    assert table.troubles == []


async def test_turns_are_handed_over_in_the_order_in_which_they_ended(table: Table) -> None:
    for turn, number in ((ADA, 5), (BEN, 6)):
        await table.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(number), 2.0, 2.2), ended(turn, number))
    await table.transcriber.say("Second.", 1)
    assert not any("commit" in line for line in table.lines)
    await table.transcriber.say("First.", 0)
    assert [line for line in table.lines if "commit" in line] == ["commit First.", "commit Second."]


async def test_words_interrupt_as_soon_as_they_are_known_and_only_once(table: Table) -> None:
    table.journal.answering = True
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechSoFar(ADA, sound(3), 1.6))
    await table.transcriber.say("stop telling")
    assert table.lines == ["hold", "interrupt"]
    await table.feed(SpeechSoFar(ADA, sound(4), 2.6))
    assert len(table.transcriber.asked) == 1
    await table.feed(SpeechPaused(ADA, sound(5), 2.0, 2.2), ended(ADA, 5))
    await table.transcriber.say("stop telling me that")
    assert table.lines == ["hold", "interrupt", "commit stop telling me that", "free"]


@pytest.mark.parametrize("text", ["", "mhm", "echo: once upon a time"])
async def test_what_is_no_interruption_lets_the_reply_go_on(table: Table, text: str) -> None:
    table.journal.answering = True
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2), ended(ADA, 5))
    await table.transcriber.say(text)
    assert "interrupt" not in table.lines
    assert not any("commit" in line for line in table.lines)
    assert table.lines[-1] == "free"


async def test_an_echo_frees_the_floor_while_it_still_sounds(table: Table) -> None:
    table.journal.answering = True
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechSoFar(ADA, sound(3), 1.6))
    await table.transcriber.say("echo: once upon")
    assert table.lines == ["hold", "free"]


async def test_who_says_the_bots_words_in_a_voice_of_their_own_is_answered_and_may_interrupt(table: Table) -> None:
    table.journal.answering = True
    so_far = SpeechSoFar(ADA, sound(3), 1.6, may_be_echo=False)
    await table.feed(TurnStarted(ADA, 1.0, 1.1), so_far)
    await table.transcriber.say("echo: once upon")
    assert table.lines == ["hold", "interrupt"]
    await table.feed(SpeechPaused(ADA, sound(5), 2.0, 2.2, may_be_echo=False), ended(ADA, 5))
    await table.transcriber.say("echo: once upon a time")
    assert "commit echo: once upon a time" in table.lines


async def test_who_may_not_interrupt_does_not_pause_the_reply_but_is_answered(table: Table) -> None:
    table.journal.answering = True
    await table.feed(TurnStarted(BEN, 1.0, 1.1), SpeechPaused(BEN, sound(5), 2.0, 2.2), ended(BEN, 5))
    await table.transcriber.say("And me?")
    assert "hold" not in table.lines
    assert "interrupt" not in table.lines
    assert "commit And me?" in table.lines


async def test_who_is_ignored_is_heard_by_people_and_never_reaches_the_mind(table: Table) -> None:
    table.participants.ignored.add(1)
    for number, text in ((1, "What time is it?"), (2, "again"), (3, "others: lunch?")):
        turn = TurnId(1, number)
        await table.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2), ended(turn, 5))
        await table.transcriber.say(text)
        assert table.watched[-1] == UtteranceHeard(1, "Ada", text, addressed=False, turn=turn), (
            "it is still written down"
        )
    assert table.commands == []
    assert table.journal.prompts == []
    assert {line.split()[0] for line in table.lines} <= {"hold", "free", "discard"}


async def test_who_can_be_understood_by_nobody_is_told_at_once_and_turns_are_taken_all_the_same() -> None:
    async with seated(HandTranscriber(broken=TranscriptionError("no model"))) as table:
        assert table.troubles == [NOT_UNDERSTOOD.format(cause="no model")]
        await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
        await table.transcriber.say("Hello.")
        assert table.lines == ["hold", "speculate Hello."]


async def test_utterances_for_others_are_overheard(table: Table) -> None:
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2), ended(ADA, 5))
    await table.transcriber.say("others: lunch?")
    assert "overhear Ada (1): others: lunch?" in table.lines
    assert [event for event in table.watched if isinstance(event, UtteranceHeard)] == [
        UtteranceHeard(1, "Ada", "others: lunch?", addressed=False, turn=ADA)
    ]


async def test_a_command_comes_with_what_was_said_before_it(table: Table) -> None:
    for number, text in ((1, "What time is it?"), (2, "again")):
        turn = TurnId(1, number)
        await table.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2), ended(turn, 5))
        await table.transcriber.say(text)
    assert table.commands == [SpokenCommand(VoiceCommand.REPEAT_ME, 1, "Ada", "What time is it?")]


async def test_a_stop_that_has_silenced_the_reply_already_is_still_a_command_and_gets_no_answer(table: Table) -> None:
    table.journal.answering = True
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await table.transcriber.say("stop")
    table.journal.answering = False
    await table.feed(ended(ADA, 5))
    assert [command.command for command in table.commands] == [VoiceCommand.STOP]


async def test_a_long_turn_is_the_sum_of_its_parts(table: Table) -> None:
    await table.feed(TurnStarted(ADA, 1.0, 1.1), TurnPart(ADA, sound(8), 2.0), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await table.feed(ended(ADA, 5))
    assert [request.urgency for request in table.transcriber.asked] == [Urgency.FINAL, Urgency.SPECULATION]
    await table.transcriber.say("and then they left.", 1)
    await table.transcriber.say("We talked", 0)
    assert "commit We talked and then they left." in table.lines


async def test_a_turn_that_is_dropped_leaves_nothing(table: Table) -> None:
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2))
    await table.feed(TurnDropped(ADA, 2.4))
    assert table.transcriber.answers[0].cancelled()
    assert table.lines == ["hold", "discard", "free"]
    await table.feed(ended(ADA, 5))
    assert table.lines == ["hold", "discard", "free"]


async def test_a_dropped_turn_does_not_block_those_behind_it(table: Table) -> None:
    for turn, number in ((ADA, 5), (BEN, 6)):
        await table.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(number), 2.0, 2.2), ended(turn, number))
    await table.transcriber.say("Second.", 1)
    await table.feed(TurnDropped(ADA, 2.6))
    assert "commit Second." in table.lines


async def test_a_transcriber_that_fails_is_told_once_and_the_floor_is_free(table: Table) -> None:
    for number in (1, 2):
        turn = TurnId(1, number)
        await table.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2), ended(turn, 5))
        await table.transcriber.fail(TranscriptionError("the model is missing"))
    assert table.troubles == [NOT_UNDERSTOOD.format(cause="the model is missing")]
    assert table.lines[-1] == "free"


async def test_a_german_speakers_short_answer_is_asked_for_in_german(table: Table) -> None:
    long, short = TurnId(1, 1), TurnId(1, 2)
    sentence = Transcript("Ich war gestern mit meiner Schwester im Kino.", "de", language_probability=0.98)
    await table.feed(TurnStarted(long, 1.0, 1.1), SpeechPaused(long, sound(64_000), 2.0, 2.2), ended(long, 64_000))
    table.transcriber.answers[-1].set_result(sentence)
    await table.feed(TurnStarted(short, 5.0, 5.1), SpeechPaused(short, sound(16_000), 6.0, 6.2), ended(short, 16_000))
    await table.feed(TurnStarted(BEN, 7.0, 7.1), SpeechPaused(BEN, sound(16_000), 8.0, 8.2))
    assert [request.language for request in table.transcriber.asked] == [None, "de", None]


async def test_the_language_of_the_words_is_told_with_them(table: Table) -> None:
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2), ended(ADA, 5))
    table.transcriber.answers[-1].set_result(Transcript("Wie geht's?", "de"))
    await settle()
    assert table.watched[-1] == UtteranceHeard(1, "Ada", "Wie geht's?", addressed=True, language="de", turn=ADA)


async def test_speech_starts_and_stops_once_a_turn_whatever_becomes_of_it(table: Table) -> None:
    started, stopped = SpeechStarted(ADA), SpeechStopped(ADA)
    await table.feed(TurnStarted(ADA, 1.0, 1.1), SpeechPaused(ADA, sound(5), 2.0, 2.2), SpeechResumed(ADA, 2.3))
    assert table.watched == [started], "a pause is no end"
    await table.feed(TurnDropped(ADA, 3.0))
    assert table.watched == [started, stopped]
    again = TurnId(1, 2)
    await table.feed(TurnStarted(again, 4.0, 4.1), ended(again, 5), TurnDropped(again, 5.0))
    assert table.watched[2:] == [SpeechStarted(again), SpeechStopped(again)]


async def test_words_that_are_lost_much_later_are_told_again(table: Table) -> None:
    for number in range(1, 4):
        turn = TurnId(1, number)
        await table.feed(TurnStarted(turn, 1.0, 1.1), SpeechPaused(turn, sound(5), 2.0, 2.2), ended(turn, 5))
        await table.transcriber.fail(TranscriptionError("the server is down"))
        table.times.append(table.times[-1] + 0.6 * COMPLAIN_EVERY)
    assert len(table.troubles) == 2
