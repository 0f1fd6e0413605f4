"""Test doubles for the parts of a call: responder, transcriber, speech server, playback, prompt channel, character."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping

import numpy as np

from audio.samples import Samples
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.history import Turn
from bot.llm.personas import Character, Persona, load_persona
from bot.speech_server.events import SegmentAudio, SpeechEvent
from bot.voice.dialogue.conversation import Conversation
from bot.voice.transcribe.transcriber import Transcript, TranscriptionRequest
from bot.voice.turn import Prompt
from wire.messages import ClientMessage, Flushed, SegmentEnd, SegmentStart, Speak
from wire.parameters import SpeechParameters

SECOND = 48_000
REACHED = "Today's limit is reached."


class RepeatingResponder:
    """A responder that repeats the prompt."""

    async def warm_up(self) -> None: ...

    async def read_ahead(self, speaker: str, words: str = "", person: int | None = None) -> None: ...

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        progress.asked()
        yield f"{asked.speaker} said: {asked.text}"


class ThinkingMind(RepeatingResponder):
    """A model that never begins its answer."""

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        progress.asked()
        await asyncio.Future[None]()
        yield ""


class LimitedMind(RepeatingResponder):
    """A responder whose model server costs money and may not be asked any more."""

    async def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        if not asked.results:
            raise ModelError(ModelErrorKind.LIMIT, REACHED)
        yield ""


class ConstantTranscriber:
    """A transcriber that returns the same text for any sound."""

    async def warm_up(self) -> None: ...

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        return Transcript("Good morning.")

    async def release_memory(self) -> None: ...

    async def close(self) -> None: ...

    async def problem(self) -> str | None:
        return None

    def describe(self) -> str:
        return "stand-in ears"


class HummingSpeech:
    """A speech server whose sound is a hum of one second for any text, or ``sound`` (48,000 Hz)."""

    connected = True

    def __init__(self, sound: Samples | None = None) -> None:
        self._sound = np.full(SECOND, 0.1, np.float32) if sound is None else sound
        self._said: asyncio.Queue[Speak] = asyncio.Queue()

    async def open(self) -> None: ...

    async def loaded(self, report: Callable[[float], None]) -> None: ...

    async def close(self) -> None: ...

    async def send(self, message: ClientMessage) -> None:
        if isinstance(message, Speak):
            self._said.put_nowait(message)

    async def events(self) -> AsyncIterator[SpeechEvent]:
        text = ""
        while True:
            speak = await self._said.get()
            text += speak.token
            if speak.flush:
                yield SegmentStart(0, text, speak.reply)
                yield SegmentAudio(speak.reply, 0, self._sound)
                yield SegmentEnd(0, len(self._sound), speak.reply)
                yield Flushed(1.0, 1000.0 * len(self._sound) / SECOND, speak.reply)
                text = ""


class RecordingSpeech(HummingSpeech):
    """A speech server that records the parameters of each text."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[SpeechParameters] = []

    async def send(self, message: ClientMessage) -> None:
        if isinstance(message, Speak) and message.token:
            self.asked.append(message.parameters)
        await super().send(message)


class InstantPlayback:
    """A playback that reports all sound as played immediately."""

    def __init__(self) -> None:
        self.conversation: Conversation | None = None
        self.played: list[Samples] = []
        self._marks: list[int] = []

    def begin(self, reply: str) -> None: ...

    def prime(self) -> None: ...

    def write(self, reply: str, samples: Samples) -> None:
        self.played.append(samples)

    def mark(self, reply: str, number: int) -> None:
        self._marks.append(number)

    def pause(self, reply: str) -> None: ...

    def trim(self, reply: str, samples: int) -> None: ...

    def finish(self, reply: str) -> None:
        asyncio.get_running_loop().call_soon(self._play, reply)

    def _play(self, reply: str) -> None:
        if self.conversation is None:
            return
        for number in self._marks:
            self.conversation.sound.marked(reply, number, 0.0)
        self.conversation.sound.drained(reply, 0.0, self.position(reply), 0)

    def hold(self) -> None: ...

    def resume(self) -> None: ...

    def cut(self, reply: str, samples: int) -> None:
        self.finish(reply)

    def drop(self, reply: str) -> int:
        return 0

    def position(self, reply: str) -> int:
        return sum(len(samples) for samples in self.played)

    def sent(self, reply: str) -> int:
        return self.position(reply)

    async def wait_for_room(self, seconds: float) -> None: ...


class UnreadPromptChannel:
    """A prompt channel that keeps nothing."""

    id = 0

    async def acknowledge(self, prompt: Prompt) -> None: ...

    async def tell(self, text: str, prompt: Prompt | None = None, others: Collection[Prompt] = ()) -> None: ...


class FixedCharacter:
    """A character that never changes: Seiyuu in her default mood."""

    def __init__(self) -> None:
        persona = load_persona("seiyuu")
        self._character = Character("seiyuu", persona, persona.default_mood)

    @property
    def personas(self) -> Mapping[str, Persona]:
        return {}

    def now(self) -> Character:
        return self._character
