"""From a segment's text to its audio: an engine in worker threads, its output checked and brought to one rate."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import soxr

from tts_server.engines.base import EngineError, Samples, SpeechEngine, UnknownVoiceError, Voice
from tts_server.text.languages import language_of
from tts_server.wire import SAMPLE_RATE, SpeechParameters

MAX_SEGMENT_SECONDS = 60
"""More audio than this from one segment is an engine gone astray; it also bounds a segment's memory (12 MB)."""


class Speech:
    """Speaks segments with one engine, for any number of clients.

    Segments wait in one line for the engine's threads. Since a client has at most one segment in it, clients take
    turns, segment by segment. A segment is made as fast as the engine can and held until its reader takes it, so a
    slow reader never keeps the engine from the others.
    """

    def __init__(self, engine: SpeechEngine) -> None:
        self._engine = engine
        self._workers = ThreadPoolExecutor(engine.concurrency, thread_name_prefix="speech")
        self._stops: set[threading.Event] = set()

    @property
    def engine_name(self) -> str:
        """The engine's own name."""
        return self._engine.name

    def voices(self) -> Sequence[Voice]:
        """Every voice there is."""
        return self._engine.voices()

    def choose(self, parameters: SpeechParameters, text: str) -> Voice:
        """The voice that was asked for; where none was, one that can read the script of ``text``.

        Raises:
            UnknownVoiceError: the one that was asked for is not there.
        """
        if parameters.voice is not None or parameters.language is not None:
            return self._engine.resolve(parameters.voice, parameters.language)
        try:
            return self._engine.resolve(None, language_of(text))
        except UnknownVoiceError:
            return self._engine.resolve(None, None)

    async def say(
        self, text: str, voice: Voice, parameters: SpeechParameters, rate: int = SAMPLE_RATE
    ) -> AsyncGenerator[Samples, None]:
        """Speak one segment: mono float32 at ``rate`` Hz, in pieces as they are made.

        Closing or cancelling it stops the engine. Close it (``contextlib.aclosing``) wherever it may be left early.

        Raises:
            EngineError: the engine failed, or gave something that is no sound.
        """
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[Samples | None] = asyncio.Queue()
        stop = threading.Event()

        def hand_over(piece: Samples) -> None:
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        job = loop.run_in_executor(self._workers, self._produce, text, voice, parameters, rate, stop, hand_over)
        job.add_done_callback(lambda _: pieces.put_nowait(None))
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
        self,
        text: str,
        voice: Voice,
        parameters: SpeechParameters,
        rate: int,
        stop: threading.Event,
        hand_over: Callable[[Samples], None],
    ) -> None:
        """In a worker thread: pass on every piece of the segment until it ends or ``stop`` is set."""
        if stop.is_set():
            return
        resampler = soxr.ResampleStream(self._engine.sample_rate, rate, 1, dtype="float32")
        with closing(self._engine.synthesize(text, voice, parameters, stop)) as chunks:
            for chunk in self._checked(chunks):
                if stop.is_set():
                    return
                piece = resampler.resample_chunk(chunk)
                if len(piece):
                    hand_over(piece)
        rest = resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        if len(rest):
            hand_over(rest)

    def _checked(self, chunks: Iterator[Samples]) -> Iterator[Samples]:
        samples = 0
        try:
            for chunk in chunks:
                if not np.isfinite(chunk).all():
                    raise EngineError(f"{self.engine_name} gave numbers that are no sound")
                samples += len(chunk)
                if samples > MAX_SEGMENT_SECONDS * self._engine.sample_rate:
                    raise EngineError(f"{self.engine_name} did not stop after {MAX_SEGMENT_SECONDS} s")
                yield chunk
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(f"{self.engine_name} failed: {error!r}") from error

    async def close(self) -> None:
        """Stop whatever is being spoken, end the threads, close the engine."""
        for stop in self._stops:
            stop.set()
        await asyncio.to_thread(self._workers.shutdown, wait=True, cancel_futures=True)
        await asyncio.to_thread(self._engine.close)
