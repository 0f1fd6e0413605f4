"""One engine and the line of clauses before it: worker threads, output checked, at one pitch, level and rate."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import soxr

from audio.samples import Samples
from tts_server.dsp import PitchShifter
from tts_server.engines.base import EngineError, SpeechEngine, Voice
from tts_server.speaking.circuit_breaker import CircuitBreaker, SynthesisTiming
from tts_server.speaking.measurements import Loudness, Pace
from wire.parameters import SpeechParameters

MAX_SEGMENT_SECONDS = 60
"""More audio than this from one clause is an engine gone astray; it also bounds a clause's memory (12 MB)."""


@dataclass(frozen=True, slots=True)
class SynthesisRequest:
    """Something to say in one go: prepared text, the voice, and how.

    Attributes:
        rate: of the sound wanted, in Hz.
        gain: by which the engine's own loudness is multiplied.
    """

    text: str
    voice: Voice
    parameters: SpeechParameters
    rate: int
    gain: float = 1.0


class Playback(Protocol):
    """Who hears the clauses; times in monotonic seconds."""

    @property
    def deadline(self) -> float:
        """When there is nothing left to hear."""
        ...

    @property
    def others_deadline(self) -> float:
        """When the first of all the other listeners has nothing left to hear; infinity where there is none."""
        ...


class EngineWorker:
    """Speaks clauses with one engine, for any number of clients.

    Clauses wait in one line for the engine's threads, and clients take turns, clause by clause: whose listener runs out
    of sound first comes first, and a clause that would make others run out is said in portions. A clause is made as
    fast as the engine can and held until its reader takes it, so a slow reader never keeps the engine from the others.

    Args:
        performance: is told of every whole clause, on the event loop.
    """

    def __init__(self, engine: SpeechEngine, breaker: CircuitBreaker) -> None:
        self.engine = engine
        self.breaker = breaker
        self.loudness = Loudness(engine.sample_rate)
        self.pace = Pace()
        self._threads = ThreadPoolExecutor(engine.concurrency, thread_name_prefix="speech")
        self._queue = FairQueue(engine.concurrency)
        self._stops: set[threading.Event] = set()

    @property
    def name(self) -> str:
        """The engine's own name."""
        return self.engine.name

    async def synthesize(self, request: SynthesisRequest, playback: Playback) -> AsyncGenerator[Samples, None]:
        """Speak one clause: mono float32 at its rate, in pieces as they are made.

        Closing or cancelling it stops the engine. Close it (``contextlib.aclosing``) wherever it may be left early.

        Raises:
            EngineError: the engine failed, or gave something that is no sound.
        """
        rest = request.text
        while rest:
            next_deadline = await self._queue.enter(playback.deadline)
            others_deadline = min(next_deadline, playback.others_deadline)
            portion = self.pace.portion(rest, others_deadline - time.monotonic())
            rest = rest[len(portion) :]
            async with aclosing(self._make(replace(request, text=portion.rstrip()))) as pieces:
                async for piece in pieces:
                    yield piece

    async def _make(self, request: SynthesisRequest) -> AsyncGenerator[Samples, None]:
        """Take the turn that has come; the next one's comes when the engine is done, read or not."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[Samples | None] = asyncio.Queue()
        stop = threading.Event()

        def hand_over(piece: Samples) -> None:
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        def done(job: asyncio.Future[SynthesisTiming | None]) -> None:
            self._queue.leave()
            pieces.put_nowait(None)
            if not job.cancelled() and job.exception() is None and (work := job.result()) is not None:
                self.pace.record(request.text, work.audio, work.busy)
                self.breaker.record_success(work)

        job = loop.run_in_executor(self._threads, self._produce, request, stop, hand_over)
        job.add_done_callback(done)
        self._stops.add(stop)
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            await job
        finally:
            self._stops.discard(stop)
            stop.set()
            job.cancel()

    def _produce(
        self, request: SynthesisRequest, stop: threading.Event, hand_over: Callable[[Samples], None]
    ) -> SynthesisTiming | None:
        """In a worker thread: pass on every piece of the clause until it ends or ``stop`` is set, which is no work."""
        if stop.is_set():
            return None
        began = time.monotonic()
        sound = _OutputStage(request, self.engine)
        samples = 0
        with closing(self.engine.synthesize(request.text, request.voice, request.parameters, stop)) as chunks:
            for chunk in self._checked(chunks):
                if stop.is_set():
                    return None
                samples += len(chunk)
                if len(piece := sound.take(chunk)):
                    hand_over(piece)
                self.loudness.add(chunk)
        if stop.is_set():
            return None
        if len(rest := sound.end()):
            hand_over(rest)
        if not samples and any(char.isalnum() for char in request.text):
            raise EngineError(f"{self.name} gave no sound")
        return SynthesisTiming(samples / self.engine.sample_rate, time.monotonic() - began)

    def _checked(self, chunks: Iterator[Samples]) -> Iterator[Samples]:
        samples = 0
        try:
            for chunk in chunks:
                if not np.isfinite(chunk).all():
                    raise EngineError(f"{self.name} gave numbers that are no sound")
                samples += len(chunk)
                if samples > MAX_SEGMENT_SECONDS * self.engine.sample_rate:
                    raise EngineError(f"{self.name} did not stop after {MAX_SEGMENT_SECONDS} s")
                yield chunk
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(f"{self.name} failed: {error!r}") from error

    async def close(self) -> None:
        """Stop whatever is being spoken, end the threads, close the engine."""
        for stop in self._stops:
            stop.set()
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
        await asyncio.to_thread(self.engine.close)


class _OutputStage:
    """What an engine's sound goes through after it: pitch, rate, level."""

    def __init__(self, request: SynthesisRequest, engine: SpeechEngine) -> None:
        semitones = 0.0 if engine.shifts_pitch else request.parameters.pitch_shift
        self._pitch = PitchShifter(semitones, engine.sample_rate)
        self._resampler = soxr.ResampleStream(engine.sample_rate, request.rate, 1, dtype="float32")
        self._gain = np.float32(request.gain)

    def take(self, chunk: Samples) -> Samples:
        return self._level(self._resampler.resample_chunk(self._pitch.push(chunk)))

    def end(self) -> Samples:
        return self._level(self._resampler.resample_chunk(self._pitch.finish(), last=True))

    def _level(self, samples: Samples) -> Samples:
        return samples if self._gain == 1 else np.clip(samples * self._gain, -1, 1).astype(np.float32)


@dataclass(slots=True, eq=False)
class _Waiter:
    deadline: float
    turn: asyncio.Future[None]


class FairQueue:
    """Earliest due date first, among those who wait; a turn that has begun is not broken off. For the event loop alone.

    Args:
        places: how many may have their turn at once.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: list[_Waiter] = []

    async def enter(self, deadline: float) -> float:
        """Wait for a turn, to be ended with :meth:`leave`.

        Args:
            due: when the listener has nothing left to hear; any clock, the same for all.

        Returns:
            When the first of those who still wait is due; infinity where nobody waits.
        """
        waiter = _Waiter(deadline, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._next()
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            if not waiter.turn.cancelled():
                # The turn had come, and nobody takes it.
                self.leave()
            raise
        return min((other.deadline for other in self._waiting), default=math.inf)

    def leave(self) -> None:
        """End a turn."""
        self._free += 1
        self._next()

    def _next(self) -> None:
        while self._free and self._waiting:
            waiter = min(self._waiting, key=lambda one: one.deadline)
            self._waiting.remove(waiter)
            if not waiter.turn.done():
                self._free -= 1
                waiter.turn.set_result(None)
