"""One engine and the line of clauses before it: worker threads, output checked, at one pitch, level and rate."""

from __future__ import annotations

import asyncio
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
from tts_server.dsp.pitch import PitchShifter
from tts_server.engines.base import EngineError, SpeechEngine, Voice
from tts_server.speaking.fair_queue import FairQueue
from tts_server.speaking.loudness import Loudness
from tts_server.speaking.pace import Pace
from tts_server.speaking.performance import Performance, Work
from wire.parameters import SpeechParameters

MAX_CLAUSE_SECONDS = 60
"""More audio than this from one clause is an engine gone astray; it also bounds a clause's memory (12 MB)."""


@dataclass(frozen=True, slots=True)
class Clause:
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


class Listener(Protocol):
    """Who hears the clauses; times in monotonic seconds."""

    @property
    def due(self) -> float:
        """When there is nothing left to hear."""
        ...

    @property
    def others_due(self) -> float:
        """When the first of all the other listeners has nothing left to hear; infinity where there is none."""
        ...


class EngineLine:
    """Speaks clauses with one engine, for any number of clients.

    Clauses wait in one line for the engine's threads, and clients take turns, clause by clause: whose listener runs out
    of sound first comes first, and a clause that would make others run out is said in portions. A clause is made as
    fast as the engine can and held until its reader takes it, so a slow reader never keeps the engine from the others.

    Args:
        performance: is told of every whole clause, on the event loop.
    """

    def __init__(self, engine: SpeechEngine, performance: Performance) -> None:
        self.engine = engine
        self.performance = performance
        self.loudness = Loudness(engine.sample_rate)
        self.pace = Pace()
        self._workers = ThreadPoolExecutor(engine.concurrency, thread_name_prefix="speech")
        self._queue = FairQueue(engine.concurrency)
        self._stops: set[threading.Event] = set()

    @property
    def name(self) -> str:
        """The engine's own name."""
        return self.engine.name

    async def say(self, clause: Clause, listener: Listener) -> AsyncGenerator[Samples, None]:
        """Speak one clause: mono float32 at its rate, in pieces as they are made.

        Closing or cancelling it stops the engine. Close it (``contextlib.aclosing``) wherever it may be left early.

        Raises:
            EngineError: the engine failed, or gave something that is no sound.
        """
        rest = clause.text
        while rest:
            first_of_queue = await self._queue.enter(listener.due)
            others_due = min(first_of_queue, listener.others_due)
            portion = self.pace.portion(rest, others_due - time.monotonic())
            rest = rest[len(portion) :]
            async with aclosing(self._make(replace(clause, text=portion.rstrip()))) as pieces:
                async for piece in pieces:
                    yield piece

    async def _make(self, clause: Clause) -> AsyncGenerator[Samples, None]:
        """Take the turn that has come; the next one's comes when the engine is done, read or not."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[Samples | None] = asyncio.Queue()
        stop = threading.Event()

        def hand_over(piece: Samples) -> None:
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        def done(job: asyncio.Future[Work | None]) -> None:
            self._queue.leave()
            pieces.put_nowait(None)
            if not job.cancelled() and job.exception() is None and (work := job.result()) is not None:
                self.pace.spoken(clause.text, work.audio, work.busy)
                self.performance.worked(work)

        job = loop.run_in_executor(self._workers, self._produce, clause, stop, hand_over)
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

    def _produce(self, clause: Clause, stop: threading.Event, hand_over: Callable[[Samples], None]) -> Work | None:
        """In a worker thread: pass on every piece of the clause until it ends or ``stop`` is set, which is no work."""
        if stop.is_set():
            return None
        began = time.monotonic()
        sound = _Finish(clause, self.engine)
        samples = 0
        with closing(self.engine.synthesize(clause.text, clause.voice, clause.parameters, stop)) as chunks:
            for chunk in self._checked(chunks):
                if stop.is_set():
                    return None
                samples += len(chunk)
                if len(piece := sound.take(chunk)):
                    hand_over(piece)
                self.loudness.heard(chunk)
        if stop.is_set():
            return None
        if len(rest := sound.end()):
            hand_over(rest)
        if not samples and any(char.isalnum() for char in clause.text):
            raise EngineError(f"{self.name} gave no sound")
        return Work(samples / self.engine.sample_rate, time.monotonic() - began)

    def _checked(self, chunks: Iterator[Samples]) -> Iterator[Samples]:
        samples = 0
        try:
            for chunk in chunks:
                if not np.isfinite(chunk).all():
                    raise EngineError(f"{self.name} gave numbers that are no sound")
                samples += len(chunk)
                if samples > MAX_CLAUSE_SECONDS * self.engine.sample_rate:
                    raise EngineError(f"{self.name} did not stop after {MAX_CLAUSE_SECONDS} s")
                yield chunk
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(f"{self.name} failed: {error!r}") from error

    async def close(self) -> None:
        """Stop whatever is being spoken, end the threads, close the engine."""
        for stop in self._stops:
            stop.set()
        await asyncio.to_thread(self._workers.shutdown, wait=True, cancel_futures=True)
        await asyncio.to_thread(self.engine.close)


class _Finish:
    """What an engine's sound goes through after it: pitch, rate, level."""

    def __init__(self, clause: Clause, engine: SpeechEngine) -> None:
        semitones = 0.0 if engine.shifts_pitch else clause.parameters.pitch_shift
        self._pitch = PitchShifter(semitones, engine.sample_rate)
        self._resampler = soxr.ResampleStream(engine.sample_rate, clause.rate, 1, dtype="float32")
        self._gain = np.float32(clause.gain)

    def take(self, chunk: Samples) -> Samples:
        return self._level(self._resampler.resample_chunk(self._pitch.push(chunk)))

    def end(self) -> Samples:
        return self._level(self._resampler.resample_chunk(self._pitch.finish(), last=True))

    def _level(self, samples: Samples) -> Samples:
        return samples if self._gain == 1 else np.clip(samples * self._gain, -1, 1).astype(np.float32)
