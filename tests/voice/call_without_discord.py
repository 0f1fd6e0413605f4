"""``python -m tests.voice.call_without_discord WEIGHTS SOUND``: a conversation whose channel is two arrays.

Ada says what is in ``SOUND`` (16,000 Hz, ``.npy``); what was heard, answered and played is printed as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any

import numpy as np

from audio.samples import HEARING_RATE, Samples, Sound16
from bot.llm.personas import Character, Persona, load_persona
from bot.speech_server.stream import SegmentAudio, SpeechEvent
from bot.voice.dialogue.conversation import Conversation
from bot.voice.dialogue.progress import DialogueTexts
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.events import CallEvent, RemarkHeard, ReplyEnded, WordsSpoken
from bot.voice.frames import SoundHeard, TransmissionEnded
from bot.voice.remarks.judge import CallJudge
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from bot.voice.turn import Prompt, TurnId
from bot.voice.turn_taking import TurnTaking
from bot.voice.turns.turns import Turns
from config.settings import AnswerPolicy
from wire.messages import ClientMessage, Flushed, SegmentEnd, SegmentStart, Speak

ADA = 1
FRAME = HEARING_RATE // 50
LIMIT = 60.0
SECOND = 48_000


class Parrot:
    """A companion that says what it was told."""

    async def warm_up(self) -> None: ...

    async def answer(
        self, author: str, text: str, when_loading: Callable[[], None] | None = None
    ) -> AsyncGenerator[str, None]:
        yield f"{author} said: {text}"

    def remember(self, author: str, text: str, heard: str, *, interrupted: bool) -> None: ...

    def overhear(self, author: str, text: str) -> None: ...


class Hum:
    """A voice that hums for a second, whatever the words."""

    def __init__(self) -> None:
        self._said: asyncio.Queue[Speak] = asyncio.Queue()

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
                yield SegmentAudio(speak.reply, 0, np.full(SECOND, 0.1, np.float32))
                yield SegmentEnd(0, SECOND, speak.reply)
                yield Flushed(1.0, 1000.0, speak.reply)
                text = ""


class Tape:
    """A playback that plays everything at once."""

    def __init__(self) -> None:
        self.conversation: Conversation | None = None
        self.played: list[Samples] = []
        self._marks: list[int] = []

    def begin(self, reply: str) -> None: ...

    def write(self, reply: str, samples: Samples) -> None:
        self.played.append(samples)

    def mark(self, reply: str, number: int) -> None:
        self._marks.append(number)

    def pause(self, reply: str) -> None: ...

    def finish(self, reply: str) -> None:
        asyncio.get_running_loop().call_soon(self._play, reply)

    def _play(self, reply: str) -> None:
        if self.conversation is None:
            return
        for number in self._marks:
            self.conversation.marked(reply, number, 0.0)
        self.conversation.drained(reply, 0.0, self.position(reply), 0)

    def hold(self) -> None: ...

    def resume(self) -> None: ...

    def drop(self, reply: str) -> int:
        return 0

    def position(self, reply: str) -> int:
        return sum(len(samples) for samples in self.played)

    async def wait_for_room(self, seconds: float) -> None: ...


class Slate:
    """A prompt channel that nobody reads."""

    async def acknowledge(self, prompt: Prompt) -> None: ...

    async def tell(self, text: str, prompt: Prompt | None) -> None: ...


class Seiyuu:
    """Who answers is always the same."""

    def __init__(self) -> None:
        persona = load_persona("seiyuu")
        self._character = Character("seiyuu", persona, persona.default_mood)

    @property
    def personas(self) -> Mapping[str, Persona]:
        return {}

    def now(self) -> Character:
        return self._character


class AdaAlone:
    """The only person there."""

    def name(self, person: int) -> str:
        return "Ada"

    def names(self) -> tuple[str, ...]:
        return ("Ada",)

    def others(self, person: int) -> tuple[str, ...]:
        return ()

    def may_talk(self, person: int) -> bool:
        return True

    def may_interrupt(self, person: int) -> bool:
        return True


async def converse(weights: str, sound: Sound16) -> dict[str, Any]:
    """Hold the conversation; returns what happened."""
    events: list[CallEvent] = []
    over = asyncio.Event()

    def watch(event: CallEvent) -> None:
        events.append(event)
        if isinstance(event, ReplyEnded):
            over.set()

    def hint(turn: TurnId, text: str) -> None:
        turns.transcript(turn, text)

    tape, turns, people = Tape(), Turns(), AdaAlone()
    conversation = Conversation(Dialogue(DialogueTexts), Parrot(), Hum(), tape, Slate(), watch=watch)
    tape.conversation = conversation
    transcriber = WhisperTranscriber(WhisperOptions(weights, "cpu", 1, "en"), Corrections())
    judge = CallJudge(conversation, people, Seiyuu(), AnswerPolicy.SMART)
    taking = TurnTaking(
        transcriber,
        conversation,
        people,
        judge,
        hint=hint,
        command=print,
        trouble=print,
        watch=watch,
    )
    running = [asyncio.create_task(conversation.run()), asyncio.create_task(taking.run())]
    try:
        async with asyncio.timeout(LIMIT):
            await asyncio.sleep(0)
            at = listen(sound, turns, taking)
            while not over.is_set():
                # Time goes on in steps of 20 ms, as fast as the transcriber lets it.
                at += 0.02
                for event in turns.tick(at):
                    taking.on_turn_event(event)
                await asyncio.sleep(0.02)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await transcriber.close()
    return {
        "heard": [(event.author, event.text) for event in events if isinstance(event, RemarkHeard)],
        "spoken": [event.text for event in events if isinstance(event, WordsSpoken)],
        "played": sum(len(samples) for samples in tape.played),
        "discord": sorted(name for name in sys.modules if name.partition(".")[0] == "discord"),
    }


def listen(sound: Sound16, turns: Turns, taking: TurnTaking) -> float:
    """Let the detectors hear it; returns what time it is then."""
    at = 0.0
    for begin in range(0, len(sound), FRAME):
        at += 0.02
        for event in turns.heard(SoundHeard(ADA, sound[begin : begin + FRAME], at)):
            taking.on_turn_event(event)
    for event in turns.heard(TransmissionEnded(ADA, at, announced=True)):
        taking.on_turn_event(event)
    return at


if __name__ == "__main__":
    print(json.dumps(asyncio.run(converse(sys.argv[1], np.load(sys.argv[2])))))  # noqa: T201
