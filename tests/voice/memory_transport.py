"""A transport in memory: the test gives it sound as arrays, and it keeps the sound, texts and captions of the call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from itertools import count

from audio.samples import FRAME_SECONDS
from bot.llm.prompts import CallRoom
from bot.voice.frames import InputEvent, PersonLeft
from bot.voice.transport import Admits, EndCause, FrameSource, InputThread, PacketCounts
from bot.voice.turn import Prompt
from config.sections import Captions


class MemoryTransport:
    """A ``Transport`` that is its own audio input, people, prompt channel and caption outlet.

    It plays at an even pace: if the machine stalls, its frames still have the times at which they were due.

    Args:
        names: names of the people by user id.
    """

    kind, place, encrypted, alone, id, deadline = "memory", "memory", False, False, 0, None
    packets = PacketCounts()
    may_talk = may_interrupt = staticmethod(lambda *_, **__: True)
    is_program = staticmethod(lambda *_, **__: False)
    check = tick = stop = refusal = staticmethod(lambda *_, **__: None)

    def __init__(self, names: dict[int, str]) -> None:
        self.audio = self.people = self.prompts = self.captions = self
        self.played, self.told, self.captioned = list[bytes](), list[str](), list[str]()
        self.played_at = list[float]()
        self.name, self.hears = names.__getitem__, names.__contains__
        self.names: Callable[[], tuple[str, ...]] = lambda: tuple(names.values())
        self.attending = lambda: dict(names)
        self.others = lambda person: tuple(name for other, name in names.items() if other != person)

    @property
    def room(self) -> CallRoom:
        return CallRoom(self.place, self.names())

    def start(self, thread: InputThread, admits: Admits) -> None:
        self._thread, self._admits = thread, admits

    def receive(self, event: InputEvent) -> None:
        if self._admits(event.person):
            self._thread.offer(self._thread.receive, event)

    def person_left(self, person: int, at: float) -> None:
        self._thread.receive(PersonLeft(person, at))

    def play(self, frames: FrameSource, sent: Callable[[bytes, float], None]) -> None:
        self._playing = asyncio.create_task(self._play(frames, sent))

    async def _play(self, frames: FrameSource, sent: Callable[[bytes, float], None]) -> None:
        for due in count(time.monotonic(), FRAME_SECONDS):
            await asyncio.sleep(due - time.monotonic())
            if (pcm := frames.take()) is not None:
                self.played.append(pcm)
                self.played_at.append(due)
                frames.report()
                sent(pcm, due)

    async def connect(self) -> None: ...

    async def wait_lost(self) -> EndCause:
        return await asyncio.Future[EndCause]()

    async def close(self) -> None:
        self._playing.cancel()

    async def acknowledge(self, prompt: Prompt) -> None: ...

    async def tell(self, text: str, prompt: Prompt | None = None, others: Collection[Prompt] = ()) -> None:
        self.told.append(text)

    async def write(self, text: str, place: Captions) -> None:
        self.captioned.append(text)
