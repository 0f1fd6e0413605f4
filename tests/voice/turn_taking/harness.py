"""Test harness for turn taking: test doubles for all that it uses, which a test controls by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np

from audio.samples import Sound16
from bot.llm.history import History, Turn
from bot.voice.events import CallEvent
from bot.voice.speculation import Speculation
from bot.voice.transcribe.transcriber import Transcript, TranscriptionError, TranscriptionRequest
from bot.voice.turn import Microphone, Prompt, TurnId
from bot.voice.turn_taking import TurnTaking
from bot.voice.turns.events import TurnEnded
from bot.voice.utterances.classifier import Classification, SpokenCommand, Utterance, UtteranceKind
from bot.voice.utterances.voice_commands import VoiceCommand
from tests.timing import ManualSleep, settle

ADA, BEN = TurnId(1, 1), TurnId(2, 1)

LIMITED = "(the caller is told of the limit)"
"""Stands in the notices where a caller, who can't read, would hear that today's limit is reached."""


def sound(number: int) -> Sound16:
    """A sound of ``number`` samples. Tests tell sounds apart by their length."""
    return np.zeros(number, np.float32)


@dataclass(eq=False)
class ManualTranscriber:
    """A transcriber that answers when the test says so."""

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

    async def release_memory(self) -> None: ...

    async def close(self) -> None: ...

    def describe(self) -> str:
        return "by hand"

    async def say(self, text: str, number: int = -1) -> None:
        """Answer a request, and let all that follows happen."""
        self.answers[number].set_result(Transcript(text))
        await settle()

    async def fail(self, error: TranscriptionError, number: int = -1) -> None:
        self.answers[number].set_exception(error)
        await settle()


@dataclass(eq=False)
class RecordedReplies:
    """A :class:`~bot.voice.ports.ReplyControl` that records its calls. The test sets ``answering``.

    Attributes:
        read: what the model was to read ahead, as ``NAME: WORDS``. Without words, the person has just begun to speak.
    """

    answering: bool = False
    read: list[str] = field(default_factory=list)
    answered: int | None = None
    lines: list[str] = field(default_factory=list)
    prompts: list[Prompt] = field(default_factory=list)

    def read_ahead(self, speaker: str, words: str = "", person: int | None = None) -> None:
        self.read.append(f"{speaker}: {words}")

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


class TwoPeople:
    """Two people in the call: Ada may interrupt, and Ben may not. Whoever is in ``ignored`` is not answered."""

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


class PrefixClassifier:
    """A classifier that decides by the word before a colon."""

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

    def note_utterance(self, person: int, text: str, *, addressed: bool) -> None: ...


@dataclass(eq=False)
class ManualEndOfTurn:
    """End-of-turn estimates that are the same for each pause. They come at once, or when the test sets ``answer``."""

    over: float = 0.75
    answer: asyncio.Future[float] | None = None
    asked: list[tuple[int, str, tuple[Turn, ...]]] = field(default_factory=list)

    async def probability(self, sound: Sound16, text: str, history: Sequence[Turn]) -> float:
        self.asked.append((len(sound), text, tuple(history)))
        return self.over if self.answer is None else await self.answer


@dataclass(eq=False)
class RecordedEstimates:
    """A :class:`~bot.voice.ports.PauseListener` that records the estimates."""

    estimates: list[tuple[TurnId, float, bool]] = field(default_factory=list)

    def end_of_turn_estimated(self, turn: TurnId, probability: float, *, wordless: bool = False) -> None:
        self.estimates.append((turn, probability, wordless))


@dataclass(eq=False)
class RecordedCommands:
    """A :class:`~bot.voice.ports.CommandRunner` that records the commands."""

    commands: list[SpokenCommand]

    def execute(self, command: SpokenCommand) -> None:
        self.commands.append(command)


@dataclass(eq=False)
class RecordingNoticeWriter:
    """A :class:`~bot.voice.ports.NoticeWriter` that records the notices."""

    texts: list[str]

    def tell(self, text: str, prompt: Prompt | None = None) -> None:
        self.texts.append(text)


@dataclass(eq=False)
class TurnTakingHarness:
    """Turn taking with its doubles.

    Attributes:
        times: the clock shows the last of them.
        lost: grows each time that a caller, who can't read, would hear that words were lost.
    """

    turn_taking: TurnTaking
    transcriber: ManualTranscriber
    replies: RecordedReplies
    people: TwoPeople = field(default_factory=TwoPeople)
    end_of_turn: ManualEndOfTurn = field(default_factory=ManualEndOfTurn)
    pauses: RecordedEstimates = field(default_factory=RecordedEstimates)
    history: History = field(default_factory=History)
    commands: list[SpokenCommand] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    watched: list[CallEvent] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    sleep: ManualSleep = field(default_factory=ManualSleep)

    async def feed(self, *events: object) -> None:
        for event in events:
            self.turn_taking.on_turn_event(event)  # type: ignore[arg-type]
        await settle()

    @property
    def lines(self) -> list[str]:
        return self.replies.lines


@asynccontextmanager
async def running_turn_taking(
    transcriber: ManualTranscriber | None = None, speculation: Speculation | None = None
) -> AsyncIterator[TurnTakingHarness]:
    transcriber, replies = transcriber or ManualTranscriber(), RecordedReplies()
    end_of_turn, pauses = ManualEndOfTurn(), RecordedEstimates()
    times = [3.0]
    history = History(clock=lambda: times[-1])
    commands: list[SpokenCommand] = []
    notices: list[str] = []
    lost: list[str] = []
    watched: list[CallEvent] = []
    people = TwoPeople()
    turn_taking = TurnTaking(
        transcriber,
        replies,
        people,
        PrefixClassifier(),
        end_of_turn,
        pauses,
        RecordedCommands(commands),
        RecordingNoticeWriter(notices),
        history=history,
        watch=watched.append,
        speculation=speculation or Speculation(),
        limited=lambda: notices.append(LIMITED),
        lost=lambda: lost.append("said"),
        clock=lambda: times[-1],
        sleep=(sleep := ManualSleep()),
    )
    running = asyncio.create_task(turn_taking.run())
    await settle()
    yield TurnTakingHarness(
        turn_taking,
        transcriber,
        replies,
        people,
        end_of_turn,
        pauses,
        history,
        commands,
        notices,
        watched,
        times,
        lost,
        sleep,
    )
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def ended(turn: TurnId, number: int, at: float = 2.5) -> TurnEnded:
    return TurnEnded(turn, sound(number), 1.0, 2.0, at, Microphone.OPEN)
