"""A conversation with test doubles around it, which record what is asked, heard and remembered."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np

from audio.samples import Samples
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.history import History, Turn
from bot.llm.usage import TokenUsage
from bot.speech_server.events import SegmentAudio, SpeechEvent
from bot.voice.dialogue.conversation import Conversation
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.dialogue.tool_wait import Sleep
from bot.voice.events import CallEvent, PromptTaken, ReplyEnded, WordsSpoken
from bot.voice.notices import Notices
from bot.voice.speculation import Speculation
from bot.voice.turn import Microphone, Prompt, SpokenTurn, TurnId
from tests.timing import Clock, wait_until
from tests.voice.doubles import InstantPlayback, UnreadPromptChannel
from wire.messages import Cancel, ClientMessage, Flushed, SegmentEnd, SegmentStart, Speak

SOUND = np.full(480, 0.1, np.float32)


def prompt_of(turn: TurnId, text: str) -> Prompt:
    return Prompt("Ada", text, 0.0, person=turn.person, spoken=SpokenTurn(turn, Microphone.OPEN, 0.1, 0.3))


def answer_to(text: str) -> str:
    """The answer of the test's model, from which one can tell the question."""
    return f"You said {text.upper()}. "


class MarkedResponder:
    """A responder whose answers can be told apart. It answers word by word, and records what it was asked.

    A test can hold it back by clearing ``may_ask``, ``may_answer`` or ``may_read``.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.read: list[str] = []
        self.open = 0
        self.may_ask, self.may_answer, self.may_read = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.may_read.set()
        self.may_ask.set()
        self.may_answer.set()

    async def warm_up(self) -> None: ...

    async def read_ahead(self, speaker: str, words: str = "", person: int | None = None) -> None:
        await self.may_read.wait()
        self.read.append(f"{speaker}: {words}")

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        self.asked.append(asked.text)
        self.open += 1
        try:
            await self.may_ask.wait()
            progress.asked()
            await self.may_answer.wait()
            progress.counted(TokenUsage(100 + len(self.asked), 90))
            for word in answer_to(asked.text).split():
                await asyncio.sleep(0)
                yield f"{word} "
        finally:
            self.open -= 1


class ToolResponder(MarkedResponder):
    """A responder that calls a tool before it answers. The tool ends when the test says so.

    Attributes:
        running: the questions for which a tool is running.
        ran: the questions for which a tool has run to its end.
        preface: what is said before the call.
    """

    def __init__(self, preface: str = "") -> None:
        super().__init__()
        self.running: list[str] = []
        self.ran: list[str] = []
        self.preface = preface
        self.may_end = asyncio.Event()

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        self.asked.append(asked.text)
        if self.preface:
            yield self.preface
        progress.tools(True)
        await progress.before_tools()
        self.running.append(asked.text)
        try:
            await self.may_end.wait()
            self.ran.append(asked.text)
        finally:
            self.running.remove(asked.text)
        progress.tools(False)
        await self.may_answer.wait()
        yield answer_to(asked.text)


class WordVoice:
    """A speech server that records each piece of text and speaks it at once. If ``silent``, it ignores all texts."""

    def __init__(self) -> None:
        self.silent = False
        self.sent: dict[str | None, str] = defaultdict(str)
        self._events: asyncio.Queue[SpeechEvent] = asyncio.Queue()

    async def send(self, message: ClientMessage) -> None:
        match message:
            case Speak() if self.silent:
                pass
            case Speak(token=token, reply=reply, flush=flush):
                if token:
                    self.sent[reply] += token
                    for event in (SegmentStart(0, token, reply), SegmentAudio(reply, 0, SOUND)):
                        self._events.put_nowait(event)
                    self._events.put_nowait(SegmentEnd(0, len(SOUND), reply))
                if flush:
                    self._events.put_nowait(Flushed(1.0, 10.0, reply))
            case Cancel():
                pass

    async def events(self) -> AsyncIterator[SpeechEvent]:
        while True:
            yield await self._events.get()


class AudiblePlayback(InstantPlayback):
    """A playback that records of which replies there was sound, and how often silence was sent ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.audible: set[str] = set()
        self.primed: list[str] = []

    def prime(self) -> None:
        self.primed.append("silence")

    def begin(self, reply: str) -> None:
        self.played.clear()
        self._marks.clear()

    def write(self, reply: str, samples: Samples) -> None:
        self.audible.add(reply)
        super().write(reply, samples)


@dataclass(eq=False)
class Talk:
    """A conversation in progress, and all that came of it."""

    conversation: Conversation
    responder: MarkedResponder
    voice: WordVoice
    playback: AudiblePlayback
    history: History
    clock: Clock
    events: list[CallEvent] = field(default_factory=list)

    @property
    def taken(self) -> list[PromptTaken]:
        return [event for event in self.events if isinstance(event, PromptTaken)]

    @property
    def ended(self) -> list[ReplyEnded]:
        return [event for event in self.events if isinstance(event, ReplyEnded)]

    @property
    def shown(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, WordsSpoken))

    @property
    def remembered(self) -> list[str]:
        return [turn.text for turn in self.history.newest(1_000)]

    async def quiet(self) -> None:
        """Wait until every reply that was begun has ended."""
        await wait_until(lambda: len(self.ended) == len(self.taken) and not self.conversation.answering)


@asynccontextmanager
async def talking(
    allowed: Speculation | None = None,
    responder: MarkedResponder | None = None,
    sleep: Sleep = asyncio.sleep,
    present: Callable[[int], bool] = lambda person: True,
    voice: WordVoice | None = None,
) -> AsyncIterator[Talk]:
    allowed, responder = allowed or Speculation(), responder or MarkedResponder()
    events: list[CallEvent] = []
    voice, playback, history, clock = voice or WordVoice(), AudiblePlayback(), History(), Clock()
    conversation = Conversation(
        Dialogue(DialogueTexts, voice_speculates=lambda: allowed.voice, present=present),
        responder,
        history,
        voice,
        playback,
        Notices(UnreadPromptChannel(), events.append),
        watch=events.append,
        speculation=allowed,
        clock=clock,
        sleep=sleep,
    )
    playback.conversation = conversation
    running = asyncio.create_task(conversation.run())
    await asyncio.sleep(0)
    try:
        yield Talk(conversation, responder, voice, playback, history, clock, events)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
