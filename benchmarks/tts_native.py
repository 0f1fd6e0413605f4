"""Measurements of Piper and Kokoro: first sound of a clause with an idle and a busy transcriber, speed, and stops.

Processor times are given beside wall-clock times. They do not include other work of the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soxr

from audio.samples import HEARING_RATE, Sound16
from benchmarks.statistics import Spread, spread
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.transcriber import TranscriptionRequest, Urgency
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from config.tasks import end_tasks
from tts_server.engines.base import SpeechEngine
from tts_server.speaking.circuit_breaker import MAX_REAL_TIME_FACTOR
from wire.parameters import SpeechParameters

CLAUSE = "Right, that sounds good to me,"
STORY = (
    "The quick brown fox, which had been sleeping under the old oak tree for most of the afternoon, finally woke up "
    "and went looking for something to eat before it was dark."
)
RETURNS_WITHIN, FREE_WITHIN = 0.050, 0.150
_LATEST_STOP = 0.5
_SEED = 11


class NativeEngine(SpeechEngine, Protocol):
    """One of the server's own engines, which computes in a thread of its own."""

    def wait(self) -> None:
        """Block until the engine has finished all its work, including stopped texts."""
        ...


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of an engine, in seconds.

    Attributes:
        idle_first: first sound of the clause while the transcriber is idle; ``None`` if there is no target.
        busy_first: first sound of the clause while the transcriber is at work; ``None`` if there is no target.
    """

    idle_first: float | None
    busy_first: float | None
    real_time_factor: float


PIPER = Targets(idle_first=0.040, busy_first=0.090, real_time_factor=0.06)
KOKORO = Targets(idle_first=None, busy_first=None, real_time_factor=MAX_REAL_TIME_FACTOR)
"""The server uses Kokoro only if it is quick enough. That limit is the target here."""


@dataclass(frozen=True, slots=True)
class FirstSounds:
    """The figures of one clause that is spoken repeatedly, in seconds.

    Attributes:
        ears: whether the transcriber was idle or at work.
        wall: wall-clock time to the first sound.
        processor: processor time of all threads to the first sound.
        real_time_factor: wall-clock time divided by the length of the sound.
        processor_real_time_factor: processor time divided by the length of the sound.
    """

    ears: str
    wall: Spread
    processor: Spread
    real_time_factor: float
    processor_real_time_factor: float


@dataclass(frozen=True, slots=True)
class Stops:
    """The figures of stops within a long clause, at random times. Times are in seconds.

    Attributes:
        stops: the number of stops.
        samples_after: the number of samples that came after a stop.
        returned: from the stop until the iteration ended.
        free: from the stop until the engine could begin the next text.
    """

    stops: int
    samples_after: int
    returned: Spread
    free: Spread


@dataclass(frozen=True, slots=True)
class NativeFigures:
    """All figures of one engine. ``busy`` is ``None`` without a transcriber."""

    engine: str
    idle: FirstSounds
    busy: FirstSounds | None
    stops: Stops

    def verdicts(self, targets: Targets) -> dict[str, bool]:
        """All targets, each with whether it was met."""
        name = self.engine
        said = {
            f"{name}: real-time factor of {targets.real_time_factor} or less": self.idle.real_time_factor
            <= targets.real_time_factor,
            f"{name}: no sample after a stop, which takes 50 ms at most": self.stops.samples_after == 0
            and self.stops.returned.greatest <= RETURNS_WITHIN,
            f"{name}: free within 150 ms of a stop": self.stops.free.greatest <= FREE_WITHIN,
        }
        for first, limit, ears in (
            (self.idle, targets.idle_first, "idle"),
            (self.busy, targets.busy_first, "at work"),
        ):
            if first is not None and limit is not None:
                target = f"{name}: first sound of a clause within {1000 * limit:.0f} ms, ears {ears}"
                said[target] = first.wall.median <= limit
        return said

    def lines(self) -> list[str]:
        """The figures as lines for people."""
        summaries = [f"{self.engine}, {_summary(first)}" for first in (self.idle, self.busy) if first is not None]
        stops = self.stops
        return [
            *summaries,
            f"{self.engine}, {stops.stops} stops: {stops.samples_after} samples after, returned in "
            f"{1000 * stops.returned.greatest:.0f} ms at most, free in {_ms(stops.free)}, "
            f"{1000 * stops.free.greatest:.0f} at most",
        ]


async def measure_native(engine: NativeEngine, whisper: Path | None, repeats: int, stops: int) -> NativeFigures:
    """Measure an engine. ``whisper`` is the folder of a Whisper model for the transcriber, or ``None``."""
    idle = await asyncio.to_thread(_first_sounds, engine, repeats, "idle")
    busy = None
    if whisper is not None:
        async with _listening(whisper, _recording(engine)):
            busy = await asyncio.to_thread(_first_sounds, engine, repeats, "at work")
    return NativeFigures(engine.name, idle, busy, await asyncio.to_thread(_stop_over_and_over, engine, stops))


def _first_sounds(engine: NativeEngine, repeats: int, ears: str) -> FirstSounds:
    wall, processor, audio, took, computed = list[float](), list[float](), 0.0, 0.0, 0.0
    voice = engine.resolve(None, "en")
    for _ in range(repeats):
        began, computed_before, first = time.perf_counter(), time.process_time(), True
        for piece in engine.synthesize(CLAUSE, voice, SpeechParameters(), threading.Event()):
            if first:
                wall.append(time.perf_counter() - began)
                processor.append(time.process_time() - computed_before)
                first = False
            audio += len(piece) / engine.sample_rate
        took += time.perf_counter() - began
        computed += time.process_time() - computed_before
        # In a call, a clause is seldom asked for right after another one.
        time.sleep(0.05)
    return FirstSounds(ears, spread(wall), spread(processor), took / audio, computed / audio)


def _stop_over_and_over(engine: NativeEngine, times: int) -> Stops:
    rng = random.Random(_SEED)
    voice = engine.resolve(None, "en")
    returned, free, after = list[float](), list[float](), 0
    for _ in range(times):
        stop, stopped_at = threading.Event(), list[float]()

        def stop_now(stop: threading.Event = stop, stopped_at: list[float] = stopped_at) -> None:
            stopped_at.append(time.perf_counter())
            stop.set()

        timer = threading.Timer(rng.random() * _LATEST_STOP, stop_now)
        pieces = engine.synthesize(STORY, voice, SpeechParameters(), stop)
        timer.start()
        after += sum(len(piece) for piece in pieces if stop.is_set())
        ended = time.perf_counter()
        timer.join()
        returned.append(max(0.0, ended - stopped_at[0]))
        engine.wait()
        free.append(time.perf_counter() - stopped_at[0])
    return Stops(times, after, spread(returned), spread(free))


def _recording(engine: NativeEngine) -> Sound16:
    pieces = engine.synthesize(STORY, engine.resolve(None, "en"), SpeechParameters(), threading.Event())
    sound = soxr.resample(np.concatenate(list(pieces)), engine.sample_rate, HEARING_RATE)
    return np.asarray(sound, np.float32)


@contextlib.asynccontextmanager
async def _listening(model: Path, sound: Sound16) -> AsyncIterator[None]:
    """Keep the bot's transcriber busy until the block ends."""
    transcriber = WhisperTranscriber(WhisperOptions(str(model), "cpu", 1, "en", "int8"), Corrections())

    async def listen() -> None:
        while True:
            await transcriber.transcribe(TranscriptionRequest(sound, Urgency.FINAL))

    try:
        await transcriber.warm_up()
        listening = asyncio.create_task(listen(), name="transcriber")
        try:
            yield
        finally:
            await end_tasks(listening)
    finally:
        await transcriber.close()


def _summary(first: FirstSounds) -> str:
    return (
        f"{len(CLAUSE)} characters, ears {first.ears}: first sound {_ms(first.wall)} "
        f"(processor {_ms(first.processor)}), real-time factor {first.real_time_factor:.3f} "
        f"(processor {first.processor_real_time_factor:.3f})"
    )


def _ms(values: Spread) -> str:
    return f"{1000 * values.median:.0f} ms, 95 % {1000 * values.p95:.0f}"
