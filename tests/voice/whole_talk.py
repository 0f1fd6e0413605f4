"""Turn taking, conversation and state machine of a call together; a test controls all that is around them by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass, field

from audio.samples import Samples
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.history import History, Turn
from bot.speech_server.errors import SpeechUnavailable
from bot.voice.dialogue.conversation import Conversation
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.events import CallEvent, PromptTaken, ReplyEnded, UtteranceHeard
from bot.voice.notices import Notices
from bot.voice.speculation import Speculation
from bot.voice.turn import Prompt, PromptKind, TurnId
from bot.voice.turn_taking import TurnTaking
from bot.voice.utterances.classifier import SpokenCommand
from bot.voice.utterances.voice_commands import VoiceCommand
from tests.timing import Clock, ManualSleep
from tests.voice.dialogue.talk import WordVoice
from tests.voice.doubles import InstantPlayback
from tests.voice.turn_taking.harness import ManualEndOfTurn, ManualTranscriber, PrefixClassifier, RecordedEstimates
from wire.messages import ClientMessage

NAMES = {1: "Ada", 2: "Ben", 3: "Cleo"}


class People:
    """Three people in the call. Those in ``ignored`` are not answered and may not interrupt; all others may."""

    def __init__(self) -> None:
        self.ignored: set[int] = set()

    def name(self, person: int) -> str:
        return NAMES[person]

    def names(self) -> tuple[str, ...]:
        return tuple(NAMES.values())

    def may_talk(self, person: int) -> bool:
        return person not in self.ignored

    def may_interrupt(self, person: int, answered: int | None) -> bool:
        return person not in self.ignored


class SteppedResponder:
    """A model that takes one step of its answer when the test says so.

    The steps are ``word``, ``end``, ``fail``, and ``tools``, which begins tools. The next step ends those that run.

    Attributes:
        used_tools: the questions for which tools were used. What they have found is in the answer as ``found``.
        steps: takes the steps of the newest answer; ``None`` while nothing is asked.
        asked: number of answers that were begun.
    """

    def __init__(self) -> None:
        self.steps: asyncio.Queue[str] | None = None
        self.asked = 0
        self.used_tools: list[str] = []

    async def warm_up(self) -> None: ...

    async def read_ahead(self, speaker: str, words: str = "", person: int | None = None) -> None: ...

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        progress.asked()
        self.asked += 1
        steps = self.steps = asyncio.Queue()
        try:
            while (step := await steps.get()) != "end":
                if step == "fail":
                    raise ModelError(ModelErrorKind.UNREACHABLE, "The model is gone.")
                if step == "tools":
                    progress.tools(True)
                    await progress.before_tools()
                    self.used_tools.append(asked.text)
                    await steps.get()
                    progress.tools(False)
                yield "found " if step == "tools" else "word "
        finally:
            if self.steps is steps:
                self.steps = None


class FailingVoice(WordVoice):
    """A speech server that speaks at once, or that is gone."""

    gone = False

    async def send(self, message: ClientMessage) -> None:
        if self.gone:
            raise SpeechUnavailable("The voice is gone.")
        await super().send(message)


class SteppedPlayback(InstantPlayback):
    """A playback of which people hear more when the test says so, unless it is held."""

    def __init__(self) -> None:
        super().__init__()
        self.reply = ""
        self.received = self.heard = 0
        self.finished = self.held = False

    def begin(self, reply: str) -> None:
        self.reply, self.received, self.heard, self.finished = reply, 0, 0, False

    def write(self, reply: str, samples: Samples) -> None:
        self.received += len(samples)

    def mark(self, reply: str, number: int) -> None: ...

    def trim(self, reply: str, samples: int) -> None:
        self.received = samples

    def finish(self, reply: str) -> None:
        self.finished = True

    def cut(self, reply: str, samples: int) -> None:
        self.received, self.finished = samples, True

    def hold(self) -> None:
        self.held = True

    def resume(self) -> None:
        self.held = False

    def drop(self, reply: str) -> int:
        heard, self.received, self.finished = self.heard, 0, False
        return heard

    def position(self, reply: str) -> int:
        return self.heard if reply == self.reply else 0

    def play(self, samples: int) -> None:
        """Let people hear so many samples more, if so many have come."""
        if self.held or self.conversation is None:
            return
        self.heard = min(self.heard + samples, self.received)
        if self.finished and self.heard >= self.received:
            self.finished = False
            self.conversation.sound.drained(self.reply, 0.0, self.heard, 0)


@dataclass(eq=False)
class RecordedChannel:
    """A prompt channel that records for each prompt what its author was told."""

    id = 0
    told: list[tuple[str, tuple[Prompt, ...]]] = field(default_factory=list)

    async def acknowledge(self, prompt: Prompt) -> None: ...

    async def tell(self, text: str, prompt: Prompt | None = None, others: Collection[Prompt] = ()) -> None:
        self.told.append((text, (*others, *(() if prompt is None else (prompt,)))))


class WatchedConversation(Conversation):
    """A conversation that records which turn has interrupted which reply."""

    def watch_interruptions(self, interrupted_by: dict[str, TurnId]) -> None:
        self._interrupted_by = interrupted_by

    def interruption_confirmed(self, turn: TurnId) -> None:
        before = self._dialogue.current
        super().interruption_confirmed(turn)
        if before is not None and before != self._dialogue.current:
            self._interrupted_by[before] = turn


class WholeTalk:
    """A call's turn taking with a conversation, and all that came of them.

    Attributes:
        commands: the spoken commands that were executed.
        interrupted_by: for each reply that was interrupted by a turn, that turn.
    """

    def __init__(self) -> None:
        self.clock, self.people, self.transcriber = Clock(), People(), ManualTranscriber()
        self.responder, self.voice, self.playback = SteppedResponder(), FailingVoice(), SteppedPlayback()
        self.channel, self.history = RecordedChannel(), History()
        self.events: list[CallEvent] = []
        self.commands: list[SpokenCommand] = []
        self.interrupted_by: dict[str, TurnId] = {}
        notices = Notices(self.channel, self.events.append)
        dialogue = Dialogue(DialogueTexts)
        self.conversation = WatchedConversation(
            dialogue,
            self.responder,
            self.history,
            self.voice,
            self.playback,
            notices,
            watch=self.events.append,
            clock=self.clock,
            sleep=ManualSleep(),
        )
        self.conversation.watch_interruptions(self.interrupted_by)
        self.playback.conversation = self.conversation
        self.turn_taking = TurnTaking(
            self.transcriber,
            self.conversation,
            self.people,
            PrefixClassifier(),
            ManualEndOfTurn(),
            RecordedEstimates(),
            self,
            notices,
            history=self.history,
            watch=self.events.append,
            speculation=Speculation(interims=True),
            clock=self.clock,
        )
        parts = (notices.run(), self.conversation.run(), self.turn_taking.run())
        self._running = [asyncio.create_task(part) for part in parts]

    def execute(self, command: SpokenCommand) -> None:
        """Carry out a command: the one to stop, or another, whose answer is recited."""
        self.commands.append(command)
        if command.kind is VoiceCommand.STOP:
            self.conversation.stop()
        else:
            text = f"You said {self.heard[-1].text}"
            recited = Prompt(command.author, text, self.clock(), kind=PromptKind.RECITE, person=command.person)
            self.conversation.prompt(recited)

    @property
    def heard(self) -> list[UtteranceHeard]:
        return [event for event in self.events if isinstance(event, UtteranceHeard)]

    @property
    def taken(self) -> list[PromptTaken]:
        return [event for event in self.events if isinstance(event, PromptTaken)]

    @property
    def ended(self) -> dict[str, ReplyEnded]:
        """The replies that have ended, by id."""
        return {event.trace.reply: event for event in self.events if isinstance(event, ReplyEnded)}

    async def end(self) -> None:
        """End all tasks."""
        for task in self._running:
            task.cancel()
        for failed in await asyncio.gather(*self._running, return_exceptions=True):
            assert isinstance(failed, asyncio.CancelledError), failed
