"""A call over a transport in memory: real turns, echo, captions and consent. The test gives ears, mind and voice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from audio.samples import HEARING_RATE
from bot.characters import Characters, LocalCharacter
from bot.consent import ListeningConsent
from bot.database import Database
from bot.llm.history import History
from bot.llm.personas import PERSONAS_DIR
from bot.llm.prompts import CallRoom
from bot.store import Store
from bot.voice.call import Call
from bot.voice.call_parts import CallParts
from bot.voice.engines import CallEngines
from bot.voice.events import CallEvent, NoticePosted
from bot.voice.frames import AudioFrame, TransmissionEnded
from bot.voice.listening_notice import ListeningTerms
from bot.voice.ports import Responder, SpeechClient
from bot.voice.speculation import WITHOUT_COSTS, Speculation
from bot.voice.transcribe.transcriber import Transcriber
from bot.voice.transport import EndCause
from bot.voice.turns.turns import TurnPolicy, load_turn_policy
from bot.voice.utterances.word_lists import load_word_lists
from config.sections import AnswerPolicy, CallSettings, Captions, ListeningPolicy
from tests.timing import LIMIT
from tests.voice.memory_transport import MemoryTransport
from wire.parameters import SpeechParameters

ADA, BEN = 1, 2
FRAME = HEARING_RATE // 50


@dataclass(eq=False)
class MemoryCall:
    """A call over a transport in memory, and all its events so far."""

    call: Call[MemoryTransport]
    consent: ListeningConsent
    history: History
    room: Callable[[], CallRoom]
    events: list[CallEvent] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def transport(self) -> MemoryTransport:
        return self.call.transport

    def watch(self, event: CallEvent) -> None:
        self.events.append(event)
        self.changed.set()

    async def hear(self, person: int, sound: NDArray[np.float32]) -> None:
        """Have somebody say this (48,000 Hz) in real time."""
        low = soxr.resample(sound, 48_000, HEARING_RATE).astype(np.float32)
        began = time.monotonic()
        for number, at in enumerate(range(0, len(low) - FRAME + 1, FRAME)):
            await asyncio.sleep(began + 0.02 * number - time.monotonic())
            self.transport.receive(AudioFrame(person, low[at : at + FRAME], time.monotonic()))
        self.transport.receive(TransmissionEnded(person, time.monotonic(), announced=True))

    async def until(self, seen: Callable[[CallEvent], bool]) -> CallEvent:
        """Wait for an event for which ``seen`` is true. An event that has already come is returned at once."""
        async with asyncio.timeout(LIMIT):
            while True:
                for event in self.events:
                    if seen(event):
                        return event
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def memory_call(
    folder: Path,
    ears: Transcriber,
    mind: Responder,
    voice: SpeechClient,
    turn_policy: TurnPolicy | None = None,
    transport: Callable[[dict[int, str]], MemoryTransport] = MemoryTransport,
    speculation: Speculation = WITHOUT_COSTS,
    language: str | None = None,
) -> AsyncIterator[MemoryCall]:
    """Hold a call with Ada and Ben. Captions are on, and all utterances are answered."""
    async with Database.opened(folder / "memory.sqlite3") as database:
        characters = await Characters.open(database, PERSONAS_DIR, "seiyuu")
        consent = await ListeningConsent.load(Store(database), ListeningPolicy.OPT_OUT)
        character, policy = LocalCharacter(characters, 0), turn_policy or load_turn_policy()
        given: list[tuple[History, Callable[[], CallRoom]]] = []

        def make_responder(history: History, room: Callable[[], CallRoom]) -> Responder:
            given.append((history, room))
            return mind

        engines = CallEngines(
            character,
            make_responder,
            lambda _: voice,
            SpeechParameters,
            ears,
            policy,
            load_word_lists(),
            speculation=speculation,
            language=language,
        )
        settings = CallSettings(answer_to=AnswerPolicy.ALWAYS, captions=Captions.CHANNEL)
        made: list[MemoryCall] = []
        parts = CallParts(
            transport({ADA: "Ada", BEN: "Ben"}),
            engines,
            consent,
            settings,
            ListeningTerms("!", 0, None),
            folder,
            volume=1.0,
            watch=lambda event: made[0].watch(event),
        )
        call = Call(parts, report=lambda _: None)
        made.append(MemoryCall(call, consent, *given[0]))
        try:
            await call.check()
            await call.open()
            # The call announces that it listens when it has begun to listen.
            await made[0].until(lambda event: isinstance(event, NoticePosted))
            yield made[0]
        finally:
            await call.close(EndCause.COMMAND)
