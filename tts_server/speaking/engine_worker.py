"""Engine worker: one engine, its threads, and the queue of segments that it is to speak."""

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
from tts_server.engines.base import EngineError, SpeechEngine, UnspeakableError, Voice
from tts_server.speaking.circuit_breaker import CircuitBreaker, SynthesisTiming
from tts_server.speaking.measurements import Loudness, Pace
from tts_server.text.spoken_length import spoken_length, spoken_start
from wire.parameters import SpeechParameters

MAX_PORTION = 330
"""Longest portion of a text: it takes as long to say as this many Latin letters, about 22 s.

Other clients wait only for one portion.
"""
MAX_SPELLED_OUT_PORTION = 110
"""Longest portion of a text that is spelled out letter by letter: about 7 s. Cuts don't spoil its intonation."""
MAX_PORTION_SECONDS = 60
"""If the sound of one portion is longer than this many seconds, the text can't be spoken. This also limits memory."""
_ORDINARY_LENGTH = 4
"""A character of ordinary text takes, on average, at most as long to say as this many Latin letters.

A Chinese character takes as long as 3 Latin letters.
"""
_SPELLED_OUT_LENGTH = 10
"""A character of mostly spelled-out text takes, on average, at least as long to say as this many Latin letters."""


@dataclass(frozen=True, slots=True)
class SynthesisRequest:
    """A prepared text to be spoken, with its voice and parameters.

    Attributes:
        rate: sample rate of the resulting sound, in Hz.
        gain: factor by which the engine's samples are multiplied.
    """

    text: str
    voice: Voice
    parameters: SpeechParameters
    rate: int
    gain: float = 1.0


class PlaybackDeadlines(Protocol):
    """The times at which clients' playback runs out of sound, in monotonic seconds."""

    @property
    def deadline(self) -> float:
        """The deadline of this request's client."""
        ...

    @property
    def others_deadline(self) -> float:
        """The earliest deadline of all other clients; infinity if there are none."""
        ...


class EngineWorker:
    """Speaks texts with one engine, for any number of clients. Use it only on the event loop.

    Requests wait in a queue for the engine's threads, the earliest playback deadline first. A text that takes long to
    say, or that would make another client's playback run out, is spoken in portions, and other clients' requests
    may come between them. The engine works as fast as it can, and its sound is kept until it is read, so a slow client
    never blocks the others.

    Args:
        breaker: gets the timing of every whole portion, on the event loop.
        clock: returns monotonic seconds, for these timings. It is called in the engine's threads.
    """

    def __init__(
        self, engine: SpeechEngine, breaker: CircuitBreaker, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.engine = engine
        self.breaker = breaker
        self._clock = clock
        self.loudness = Loudness(engine.sample_rate)
        self.pace = Pace()
        self._threads = ThreadPoolExecutor(engine.concurrency, thread_name_prefix="speech")
        self._queue = DeadlineQueue(engine.concurrency)
        self._stops: set[threading.Event] = set()

    @property
    def name(self) -> str:
        """Name of the engine."""
        return self.engine.name

    async def synthesize(
        self, request: SynthesisRequest, deadlines: PlaybackDeadlines
    ) -> AsyncGenerator[Samples, None]:
        """Synthesize one text. Yields chunks of mono float32 at the requested rate as they are made.

        Closing or cancelling the generator stops the engine. Use ``contextlib.aclosing`` if the loop may end early.

        Raises:
            UnspeakableError: this text gave no sound, or far too much.
            EngineError: the engine failed, or returned something that is not sound.
        """
        rest = request.text
        while rest:
            next_deadline = await self._queue.enter(deadlines.deadline)
            others_deadline = min(next_deadline, deadlines.others_deadline)
            portion = self.pace.portion(_longest_portion(rest, request), others_deadline - time.monotonic())
            rest = rest[len(portion) :]
            async with aclosing(self._make(replace(request, text=portion.rstrip()))) as pieces:
                async for piece in pieces:
                    yield piece

    async def _make(self, request: SynthesisRequest) -> AsyncGenerator[Samples, None]:
        """Run the engine in a thread and yield its chunks. The queue's next request begins when the engine is done."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[Samples | None] = asyncio.Queue()
        stop = threading.Event()

        def hand_over(piece: Samples) -> None:
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        def done(job: asyncio.Future[SynthesisTiming | None]) -> None:
            self._queue.leave()
            pieces.put_nowait(None)
            if not job.cancelled() and job.exception() is None and (work := job.result()) is not None:
                self._record_pace(request, work)
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

    def _record_pace(self, request: SynthesisRequest, work: SynthesisTiming) -> None:
        # Text that is spelled out letter by letter says nothing about the pace of other texts.
        if spoken_length(request.text, request.voice.language) <= _ORDINARY_LENGTH * len(request.text):
            self.pace.record(request.text, work.audio_seconds, work.synthesis_seconds)

    def _produce(
        self, request: SynthesisRequest, stop: threading.Event, hand_over: Callable[[Samples], None]
    ) -> SynthesisTiming | None:
        """Run in a worker thread: pass on every chunk until the text ends or ``stop`` is set.

        Returns:
            The time that the engine took; ``None`` if it was stopped.
        """
        if stop.is_set():
            return None
        began = self._clock()
        stage = _OutputStage(request, self.engine)
        samples = 0
        made: list[Samples] = []
        try:
            with closing(self.engine.synthesize(request.text, request.voice, request.parameters, stop)) as chunks:
                for chunk in self._checked(chunks):
                    if stop.is_set():
                        return None
                    samples += len(chunk)
                    if len(piece := stage.take(chunk)):
                        hand_over(piece)
                    made.append(chunk)
        finally:
            # The loudness is measured last. Any earlier, measuring it would compete with the event loop, which sends
            # the sound.
            for chunk in made:
                self.loudness.add(chunk)
        if stop.is_set():
            return None
        if len(rest := stage.end()):
            hand_over(rest)
        if not samples and any(char.isalnum() for char in request.text):
            raise UnspeakableError(f"{self.name} gave no sound")
        return SynthesisTiming(samples / self.engine.sample_rate, self._clock() - began)

    def _checked(self, chunks: Iterator[Samples]) -> Iterator[Samples]:
        samples = 0
        try:
            for chunk in chunks:
                if not np.isfinite(chunk).all():
                    raise EngineError(f"{self.name} returned samples that are not finite (NaN or infinity)")
                samples += len(chunk)
                if samples > MAX_PORTION_SECONDS * self.engine.sample_rate:
                    raise UnspeakableError(f"{self.name} would speak this text for more than {MAX_PORTION_SECONDS} s")
                yield chunk
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(f"{self.name} failed: {error!r}") from error

    async def close(self) -> None:
        """Stop all speech, end the threads and close the engine."""
        for stop in self._stops:
            stop.set()
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
        await asyncio.to_thread(self.engine.close)


def _longest_portion(rest: str, request: SynthesisRequest) -> str:
    """The longest start of ``rest`` that may be spoken as one portion."""
    language, speed_factor = request.voice.language, min(1.0, request.parameters.speed or 1.0)
    portion = spoken_start(rest, language, MAX_PORTION * speed_factor)
    if spoken_length(portion, language) < _SPELLED_OUT_LENGTH * len(portion):
        return portion
    return spoken_start(portion, language, MAX_SPELLED_OUT_PORTION * speed_factor)


class _OutputStage:
    """Processes an engine's sound: pitch, sample rate, gain."""

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
    admitted: asyncio.Future[None]


class DeadlineQueue:
    """Admits requests, the one with the earliest deadline first. Use it only on the event loop.

    An admitted request keeps its place until :meth:`leave`.

    Args:
        concurrency: number of requests admitted at the same time.
    """

    def __init__(self, concurrency: int) -> None:
        self._free = concurrency
        self._waiting: list[_Waiter] = []

    async def enter(self, deadline: float) -> float:
        """Wait until the request is admitted. Call :meth:`leave` when it is done.

        Args:
            deadline: time at which this client's playback runs out of sound, by any clock that all clients share.

        Returns:
            The earliest deadline among those still waiting; infinity if nobody waits.
        """
        waiter = _Waiter(deadline, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._next()
        try:
            await waiter.admitted
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            if not waiter.admitted.cancelled():
                # The request was admitted just before the cancellation: admit the next one instead.
                self.leave()
            raise
        return min((other.deadline for other in self._waiting), default=math.inf)

    def leave(self) -> None:
        """End an admitted request, and admit the next one."""
        self._free += 1
        self._next()

    def _next(self) -> None:
        while self._free and self._waiting:
            waiter = min(self._waiting, key=lambda one: one.deadline)
            self._waiting.remove(waiter)
            if not waiter.admitted.done():
                self._free -= 1
                waiter.admitted.set_result(None)
