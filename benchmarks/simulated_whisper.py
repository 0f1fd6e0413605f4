"""The real Whisper in simulated time: recognising a sound takes as much simulated time as processor time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from bot.voice.transcribe.hallucinations import HallucinationFilter
from bot.voice.transcribe.recogniser import Recogniser
from bot.voice.transcribe.transcriber import (
    Transcript,
    TranscriptionJob,
    TranscriptionQueue,
    TranscriptionRequest,
    Urgency,
)
from config.tasks import end_tasks

STEPS = 20
"""Number of rounds of the event loop after which all consequences of an event have happened."""


@dataclass(slots=True)
class SimulatedClock:
    """A simulated time in seconds. It stands still until somebody sets ``now``."""

    now: float = 1000.0


class SimulatedWhisper:
    """A :class:`~bot.voice.transcribe.transcriber.Transcriber` with the bot's own queue.

    A sound takes as much simulated time as the processor time of its recognition. So the figures do not depend on
    other work of the machine. This holds for a recogniser with one thread.

    Args:
        recogniser: the loaded model.
        clock: the simulated time.

    Attributes:
        clock: the simulated time.
        processor: processor time of all recognitions so far, in seconds.
    """

    def __init__(self, recogniser: Recogniser, clock: SimulatedClock) -> None:
        self.clock = clock
        self.processor = 0.0
        self._recogniser = recogniser
        self._hallucinations = HallucinationFilter()
        self._queue = TranscriptionQueue()
        self._next = asyncio.create_task(self._queue.next())
        self._begun: tuple[float, TranscriptionJob, Transcript] | None = None

    async def warm_up(self) -> None:
        """Do nothing: the model is loaded."""

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        """Transcribe a turn."""
        job = TranscriptionJob(request, asyncio.get_running_loop().create_future(), self.clock.now)
        self._queue.add(job)
        return await job.answer

    async def begin(self) -> None:
        """Let everything happen that can happen now, and begin the next sound if none is being recognised."""
        await settle()
        if self._begun is None and self._next.done():
            job = self._next.result()
            text, took = await asyncio.to_thread(self._recognise, job.request)
            self.processor += took
            self._begun = (self.clock.now + took, job, Transcript(text, "en", took))

    async def pass_time(self, until: float) -> None:
        """Let the clock go on to ``until``. Sounds that are done by then are answered at their times."""
        while self._begun is not None and self._begun[0] <= until:
            self.clock.now, job, transcript = self._begun
            if not job.answer.done():
                job.answer.set_result(transcript)
            self._begun = None
            await settle()
            self._next = asyncio.create_task(self._queue.next())
            await self.begin()
        self.clock.now = until

    def _recognise(self, request: TranscriptionRequest) -> tuple[str, float]:
        """The words of a sound, and the processor time for them. Blocks."""
        began = time.process_time()
        once = request.urgency is Urgency.ONLY_IF_IDLE
        found = self._recogniser.transcribe(request.sound, request.hint, request.language, once=once)
        took = time.process_time() - began
        return self._hallucinations.filter(found.segments, request.sound, request.hot_words), took

    async def release_memory(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Drop the waiting sounds."""
        await end_tasks(self._next)

    async def problem(self) -> str | None:
        """No problem."""
        return None

    def describe(self) -> str:
        """The transcriber in words."""
        return "Whisper in simulated time"


async def settle() -> None:
    """Run the event loop until all consequences of the latest event have happened."""
    for _ in range(STEPS):
        await asyncio.sleep(0)
