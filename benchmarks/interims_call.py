"""Turns that are spoken in simulated time to the bot's own turn detector, turn taking and Whisper."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from audio.samples import HEARING_RATE, Sound16
from benchmarks.errors import MeasurementError
from benchmarks.simulated_whisper import SimulatedClock, SimulatedWhisper, settle
from bot.llm.history import History, Turn
from bot.voice.dialogue.effects import AskModel, EndReply
from bot.voice.dialogue.events import Event, Stopped, TurnCommitted, TurnDiscarded, TurnSpeculated
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.events import CallEvent, WordsSoFar
from bot.voice.frames import AudioFrame
from bot.voice.speculation import Speculation
from bot.voice.transcribe.recogniser import Recogniser
from bot.voice.turn import Outcome, Prompt, TurnId
from bot.voice.turn_taking import TurnTaking
from bot.voice.turns.events import SpeechPaused, SpeechSoFar, TurnEvent
from bot.voice.turns.turns import TurnDetectors, TurnPolicy
from bot.voice.utterances.classifier import Classification, SpokenCommand, Utterance, UtteranceKind
from config.tasks import end_tasks

PACKET = HEARING_RATE // 50
NAME = "Ada"
BEFORE = 0.5
"""Seconds of a quiet room before each turn."""
AFTER = 3.0
"""Seconds of a quiet room after each turn, in which the bot has to end it."""
ROOM_LEVEL = 0.001


@dataclass(frozen=True, slots=True)
class ShownWords:
    """An interim transcript as people see it: when it came, all its words, and those that are settled."""

    at: float
    text: str
    settled: str


@dataclass(frozen=True, slots=True)
class HeardTurn:
    """The results for one spoken turn. Times are seconds from the last voiced sample, and negative before it.

    Attributes:
        seconds: length of the speech.
        shown: the interim transcripts, in order.
        text: the final words.
        words_at: when the final words were known.
        ended_at: when the turn counted as over.
        guess_at: when the model was asked for the reply that was used.
        thrown_away: number of replies that were prepared in vain.
        cut_off: whether the bot ended the turn before the last word.
        processor: processor time of Whisper, in seconds.
    """

    seconds: float
    shown: tuple[ShownWords, ...]
    text: str
    words_at: float
    ended_at: float
    guess_at: float
    thrown_away: int
    cut_off: bool
    processor: float


class _Replies:
    """The bot's state machine of replies. No model answers; this class only records when one would be asked."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self.committed: list[tuple[Prompt, float]] = []
        self.thrown_away = 0
        self._dialogue = Dialogue(DialogueTexts)
        self._asked_at: dict[str, float] = {}

    @property
    def answering(self) -> bool:
        return False

    @property
    def answered(self) -> int | None:
        return None

    def speculate(self, prompt: Prompt) -> None:
        self._handle(TurnSpeculated(prompt))

    def commit(self, prompt: Prompt) -> None:
        self._handle(TurnCommitted(prompt))
        self.committed.append((prompt, self._asked_at[self._dialogue.current or ""]))
        self._handle(Stopped(0))

    def discard(self, turn: TurnId) -> None:
        self._handle(TurnDiscarded(turn))

    def _handle(self, event: Event) -> None:
        for effect in self._dialogue.handle(event):
            match effect:
                case AskModel(reply):
                    self._asked_at[reply] = self._clock.now
                case EndReply(_, Outcome.DISCARDED):
                    self.thrown_away += 1
                case _:
                    pass

    def read_ahead(self, speaker: str, words: str = "", person: int | None = None) -> None: ...

    def interruption_started(self, turn: TurnId) -> None: ...

    def interruption_confirmed(self, turn: TurnId) -> None: ...

    def release_floor(self, turn: TurnId) -> None: ...

    def overhear(self, turn: Turn) -> None: ...


class _OnePerson:
    """The only person in the call."""

    def name(self, person: int) -> str:
        return NAME

    def names(self) -> tuple[str, ...]:
        return (NAME,)

    def may_talk(self, person: int) -> bool:
        return True

    def may_interrupt(self, person: int, answered: int | None) -> bool:
        return True


class _AllForTheBot:
    """Treats all words as words to the bot, and obeys no commands."""

    own_names = ("Seiyuu",)

    def classify(self, utterance: Utterance) -> Classification:
        return Classification(UtteranceKind.ADDRESSED if utterance.text else UtteranceKind.NOTHING)

    def note_utterance(self, person: int, text: str, *, addressed: bool) -> None: ...

    def execute(self, command: SpokenCommand) -> None: ...


@dataclass(eq=False)
class _Notices:
    texts: list[str] = field(default_factory=list)

    def tell(self, text: str, prompt: Prompt | None = None) -> None:
        self.texts.append(text)


class InterimsCall:
    """A call of one person with an open microphone. The detector keeps what it learns about that person.

    Args:
        detectors: the turn detectors.
        taking: the running turn taking.
        ears: the transcriber of the call.
        replies: the replies that turn taking asks for.
        watched: receives the events of the call.
        notices: receives the messages that the bot would write to people.
    """

    def __init__(
        self,
        detectors: TurnDetectors,
        taking: TurnTaking,
        ears: SimulatedWhisper,
        replies: _Replies,
        watched: list[tuple[float, CallEvent]],
        notices: _Notices,
    ) -> None:
        self._detectors = detectors
        self._taking = taking
        self._ears = ears
        self._replies = replies
        self._watched = watched
        self._notices = notices
        self._random = np.random.default_rng(1)

    async def say(self, sound: Sound16) -> HeardTurn:
        """Say one turn, and let time pass until the bot ends it.

        Raises:
            MeasurementError: the bot did not end it, or it could not be transcribed.
        """
        self._watched.clear()
        self._replies.committed.clear()
        thrown_away, processor = self._replies.thrown_away, self._ears.processor
        began = self._ears.clock.now
        last = began + BEFORE + len(sound) / HEARING_RATE
        quiet = np.zeros(round(BEFORE * HEARING_RATE), np.float32)
        sent = np.concatenate([quiet, sound, np.zeros(round(AFTER * HEARING_RATE), np.float32)])
        sent += self._random.normal(0.0, ROOM_LEVEL, len(sent)).astype(np.float32)
        for at in range(0, len(sent) - PACKET, PACKET):
            now = began + (at + PACKET) / HEARING_RATE
            await self._ears.pass_time(now)
            await self._take(self._detectors.tick(now))
            await self._take(self._detectors.process(AudioFrame(1, sent[at : at + PACKET], now)))
        prompt, guess_at = self._outcome()
        spoken = prompt.spoken
        if spoken is None or spoken.ended_at is None:
            raise MeasurementError("the bot answered a turn that nobody has spoken")
        return HeardTurn(
            seconds=len(sound) / HEARING_RATE,
            shown=tuple(
                ShownWords(at - last, event.text, event.settled)
                for at, event in self._watched
                if isinstance(event, WordsSoFar)
            ),
            text=prompt.text,
            words_at=spoken.transcribed_at - last,
            ended_at=spoken.ended_at - last,
            guess_at=guess_at - last,
            thrown_away=self._replies.thrown_away - thrown_away,
            cut_off=len(self._replies.committed) > 1 or spoken.ended_at < last,
            processor=self._ears.processor - processor,
        )

    async def _take(self, events: list[TurnEvent]) -> None:
        for event in events:
            self._taking.on_turn_event(_no_echo(event))
        await self._ears.begin()

    def _outcome(self) -> tuple[Prompt, float]:
        if self._notices.texts:
            raise MeasurementError(self._notices.texts[0].rstrip("."))
        if not self._replies.committed:
            raise MeasurementError(f"nothing was understood within {AFTER:g} s after the last word of a turn")
        return self._replies.committed[-1]


@asynccontextmanager
async def interims_call(policy: TurnPolicy, recogniser: Recogniser, *, interims: bool) -> AsyncIterator[InterimsCall]:
    """A call with or without interim transcripts."""
    clock = SimulatedClock()
    ears = SimulatedWhisper(recogniser, clock)
    replies, watched, notices = _Replies(clock), list[tuple[float, CallEvent]](), _Notices()
    detectors = TurnDetectors(policy.with_interims() if interims else policy)
    everything = _AllForTheBot()
    taking = TurnTaking(
        ears,
        replies,
        _OnePerson(),
        everything,
        policy.end_of_turn,
        detectors,
        everything,
        notices,
        history=History(),
        watch=lambda event: watched.append((clock.now, event)),
        speculation=Speculation(interims=interims),
        clock=lambda: clock.now,
    )
    running = asyncio.create_task(taking.run())
    try:
        await settle()
        yield InterimsCall(detectors, taking, ears, replies, watched, notices)
    finally:
        await end_tasks(running)
        await ears.close()


def _no_echo(event: TurnEvent) -> TurnEvent:
    """The event, marked as no echo of the bot, since the bot says nothing here."""
    return replace(event, may_be_echo=False) if isinstance(event, SpeechSoFar | SpeechPaused) else event
