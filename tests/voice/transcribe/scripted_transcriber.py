"""A transcriber that hears what a test says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.voice.transcribe.transcriber import Transcript, TranscriptionError, TranscriptionRequest


@dataclass(slots=True)
class ScriptedTranscriber:
    """A transcriber that returns these texts, one after the other, and then always the last one.

    If ``error`` is given, all requests after the first ``good`` ones raise it.

    Attributes:
        hearing: while it is cleared, requests wait.
        requests: all requests so far.
        rests: how often it has been told to release its memory.
        cancelled: the number of requests that were cancelled as they waited.
    """

    texts: list[str]
    language: str | None = None
    error: str | None = None
    good: int = 0
    requests: list[TranscriptionRequest] = field(default_factory=list)
    rests: int = 0
    cancelled: int = 0
    closed: bool = False
    hearing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.hearing.set()

    async def warm_up(self) -> None: ...

    async def transcribe(self, request: TranscriptionRequest) -> Transcript:
        self.requests.append(request)
        try:
            await self.hearing.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None and len(self.requests) > self.good:
            raise TranscriptionError(self.error)
        return Transcript(self.texts.pop(0) if len(self.texts) > 1 else self.texts[0], self.language)

    async def release_memory(self) -> None:
        self.rests += 1

    async def close(self) -> None:
        self.closed = True

    async def problem(self) -> str | None:
        return self.error

    def describe(self) -> str:
        return "a script"
