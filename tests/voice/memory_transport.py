"""A call's transport in memory: sound is handed in as arrays, and what is played, told and captioned is kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bot.voice.frames import Heard, PersonLeft
from bot.voice.remarks.voice_commands import VoiceCommand
from bot.voice.transport import Admits, EndCause, FrameSource, InputThread
from bot.voice.turn import Prompt
from config.settings import Captions


class MemoryTransport:
    """A ``Transport`` that is its own input, people, prompt channel and outlet for captions; ``names`` by person."""

    place, encrypted, alone, id, deadline = "memory", False, False, 0, None

    def __init__(self, names: dict[int, str]) -> None:
        self.audio = self.people = self.prompts = self.captions = self
        self.played: list[bytes] = []
        self.told: list[str] = []
        self.captioned: list[str] = []
        self._names = names

    def start(self, thread: InputThread, admits: Admits) -> None:
        self._thread, self._admits = thread, admits

    def hear(self, heard: Heard) -> None:
        if self._admits(heard.person):
            self._thread.offer(self._thread.heard, heard)

    def tick(self, now: float) -> None: ...

    def left(self, person: int, at: float) -> None:
        self._thread.heard(PersonLeft(person, at))

    def check(self) -> None: ...

    async def connect(self) -> None: ...

    def play(self, frames: FrameSource, sent: Callable[[bytes, float], None]) -> None:
        self._playing = asyncio.create_task(self._play(frames, sent))

    async def _play(self, frames: FrameSource, sent: Callable[[bytes, float], None]) -> None:
        while not await asyncio.sleep(0.02):
            if (pcm := frames.take()) is not None:
                self.played.append(pcm)
                sent(pcm, time.monotonic())

    async def wait_lost(self) -> EndCause:
        await asyncio.Event().wait()
        return EndCause.KICKED

    def stop(self) -> None: ...

    async def close(self) -> None:
        self._playing.cancel()

    def name(self, person: int) -> str:
        return self._names[person]

    def names(self) -> tuple[str, ...]:
        return tuple(self._names.values())

    def others(self, person: int) -> tuple[str, ...]:
        return tuple(name for number, name in self._names.items() if number != person)

    def is_program(self, person: int) -> bool:
        return False

    def may_talk(self, person: int) -> bool:
        return True

    def may_interrupt(self, person: int, answered: int | None) -> bool:
        return True

    def refusal(self, person: int, command: VoiceCommand) -> str | None:
        return None

    async def acknowledge(self, prompt: Prompt) -> None: ...

    async def tell(self, text: str, prompt: Prompt | None = None) -> None:
        self.told.append(text)

    async def write(self, text: str, place: Captions) -> None:
        self.captioned.append(text)
