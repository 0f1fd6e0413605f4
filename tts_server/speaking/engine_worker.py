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

LONGEST_TURN = 330
"""Longest text that is spoken in one turn, in Latin letters: about 22 s of speech. Others wait no longer than that."""
LONGEST_NAMED_TURN = 110
"""The same for letters that the voice names one by one: about 7 s. Such a text has no melody that cuts would spoil."""
MAX_TURN_SECONDS = 60
"""Longest sound of one turn, in seconds. A longer one counts as an engine fault. Also bounds memory (12 MB)."""
# Spoken length for each character: up to the first number a text is an ordinary one (Chinese characters count as three
# letters), from the second on most of its letters are named.
_USUAL_LENGTH, _NAMED_LENGTH = 4, 10


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
    """When clients' playback runs out of sound, in monotonic seconds."""

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
    say, or that would make another client's playback run out, is spoken in portions, each in a turn of its own. The
    engine works as fast as it can and its sound is kept until it is read, so a slow client never blocks the others.

    Args:
        breaker: is told of every whole segment, on the event loop.
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
            portion = self.pace.portion(_turn(rest, request), others_deadline - time.monotonic())
            rest = rest[len(portion) :]
            async with aclosing(self._make(replace(request, text=portion.rstrip()))) as pieces:
                async for piece in pieces:
                    yield piece

    async def _make(self, request: SynthesisRequest) -> AsyncGenerator[Samples, None]:
        """Run the engine in a thread and yield its chunks. The queue's next turn begins when the engine is done."""
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
        # Letters that are named one by one say nothing about the pace of other texts.
        if spoken_length(request.text, request.voice.language) <= _USUAL_LENGTH * len(request.text):
            self.pace.record(request.text, work.audio, work.busy)

    def _produce(
        self, request: SynthesisRequest, stop: threading.Event, hand_over: Callable[[Samples], None]
    ) -> SynthesisTiming | None:
        """Run in a worker thread: pass on every chunk until the text ends or ``stop`` is set.

        Returns:
            How long it took; ``None`` if it was stopped.
        """
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
            raise UnspeakableError(f"{self.name} gave no sound")
        return SynthesisTiming(samples / self.engine.sample_rate, time.monotonic() - began)

    def _checked(self, chunks: Iterator[Samples]) -> Iterator[Samples]:
        samples = 0
        try:
            for chunk in chunks:
                if not np.isfinite(chunk).all():
                    raise EngineError(f"{self.name} gave numbers that are no sound")
                samples += len(chunk)
                if samples > MAX_TURN_SECONDS * self.engine.sample_rate:
                    raise UnspeakableError(f"{self.name} would speak this text for more than {MAX_TURN_SECONDS} s")
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


def _turn(rest: str, request: SynthesisRequest) -> str:
    """The start of ``rest`` that one turn may take."""
    language, slower = request.voice.language, min(1.0, request.parameters.speed or 1.0)
    turn = spoken_start(rest, language, LONGEST_TURN * slower)
    if spoken_length(turn, language) < _NAMED_LENGTH * len(turn):
        return turn
    return spoken_start(turn, language, LONGEST_NAMED_TURN * slower)


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
    turn: asyncio.Future[None]


class FairQueue:
    """Queue with the earliest deadline first. Never interrupts a turn. Use it only on the event loop.

    Args:
        places: number of turns at the same time.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: list[_Waiter] = []

    async def enter(self, deadline: float) -> float:
        """Wait for a turn. End it with :meth:`leave`.

        Args:
            deadline: time at which this client's playback runs out of sound, by any clock that all clients share.

        Returns:
            The earliest deadline among those still waiting; infinity if nobody waits.
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
                # The turn was granted just before the cancellation: pass it on.
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
