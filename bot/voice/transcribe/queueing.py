"""What waits to be transcribed: the most urgent first, and when there is too much, the least urgent goes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.voice.transcribe.transcriber import Transcript, TranscriptionRequest, TranscriptionShed, Urgency

MAX_WAITING = 4


@dataclass(eq=False, slots=True)
class TranscriptionJob:
    """A request, and where its answer goes."""

    request: TranscriptionRequest
    answer: asyncio.Future[Transcript]
    asked_at: float
    attempts: int = 0


class TranscriptionQueue:
    """Belongs to the event loop. What is final is never shed, however much of it there is."""

    def __init__(self) -> None:
        self._waiting: list[TranscriptionJob] = []
        self._more = asyncio.Event()

    def add(self, job: TranscriptionJob) -> None:
        """Queue a job; sheds the oldest of the least urgent, perhaps this one, where too many wait."""
        self._drop_cancelled()
        self._waiting.append(job)
        while len(self._waiting) > MAX_WAITING:
            shed = min(self._waiting, key=lambda waiting: waiting.request.urgency)
            if shed.request.urgency is Urgency.FINAL:
                break
            self._waiting.remove(shed)
            _shed(shed)
        self._more.set()

    def put_back(self, job: TranscriptionJob) -> None:
        """A job that was begun and came to nothing goes first again."""
        self._waiting.insert(0, job)
        self._more.set()

    async def next(self) -> TranscriptionJob:
        """The oldest of the most urgent; waits for one."""
        while True:
            self._drop_cancelled()
            if self._waiting:
                job = max(self._waiting, key=lambda waiting: waiting.request.urgency)
                self._waiting.remove(job)
                return job
            self._more.clear()
            await self._more.wait()

    def shed_speculation(self) -> None:
        """Drop everything that waits and is not final."""
        for job in [waiting for waiting in self._waiting if waiting.request.urgency is not Urgency.FINAL]:
            self._waiting.remove(job)
            _shed(job)

    def fail(self, error: Exception) -> None:
        """Fail everything that waits."""
        for job in self._waiting:
            if not job.answer.done():
                job.answer.set_exception(error)
        self._waiting.clear()

    def _drop_cancelled(self) -> None:
        self._waiting = [job for job in self._waiting if not job.answer.done()]


def _shed(job: TranscriptionJob) -> None:
    if not job.answer.done():
        job.answer.set_exception(TranscriptionShed("There was too much to listen to at once."))
