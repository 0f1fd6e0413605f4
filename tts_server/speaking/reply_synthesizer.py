"""One reply's voice: clause after clause, by whichever engine can, without a word lost or said twice."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Protocol

from audio.samples import Samples
from config.pronunciations import Pronunciations
from tts_server.engines.base import EngineError
from tts_server.speaking.engine_worker import EngineWorker, SynthesisRequest
from tts_server.speaking.voice_resolver import VoiceResolver
from tts_server.text.normalize import normalize
from wire.parameters import SpeechParameters


class Pool(Protocol):
    """What a reply asks of the engines as a whole."""

    @property
    def resolver(self) -> VoiceResolver:
        """Who can speak what."""
        ...

    @property
    def pronunciations(self) -> Pronunciations:
        """What the operator has words pronounced like."""
        ...

    def gain(self, worker: EngineWorker) -> float:
        """What makes an engine as loud as the one that is wanted."""
        ...

    def record_failure(self, worker: EngineWorker, error: EngineError) -> None:
        """An engine could not speak a clause."""
        ...

    def earliest_deadline(self, excluding: ReplySynthesizer) -> float:
        """When the first of the other replies' listeners will have nothing left to hear; infinity without any."""
        ...


class ReplySynthesizer:
    """Speaks a reply's segments, which come one after another. For the event loop alone.

    ``due`` is when whoever plays the sound as it comes will have nothing left to hear, in monotonic seconds.

    Args:
        parameters: with the preset applied.
        rate: of the sound wanted, in Hz.
        lines: the engines to try for the next clause, in order.
    """

    def __init__(
        self,
        pool: Pool,
        parameters: SpeechParameters,
        rate: int,
        workers: Callable[[], Sequence[EngineWorker]],
    ) -> None:
        self._pool = pool
        self._parameters = parameters
        self._rate = rate
        self._workers = workers
        self._before = ""
        self._language: str | None = None
        self.deadline = time.monotonic()

    @property
    def others_deadline(self) -> float:
        """As :attr:`Listener.others_due`."""
        return self._pool.earliest_deadline(excluding=self)

    async def synthesize(self, segment: str) -> AsyncGenerator[Samples, None]:
        """Speak the next segment, as it was written: mono float32 at the reply's rate, in pieces as they are made.

        Close it (``contextlib.aclosing``) wherever it may be left early: that stops the engine.

        Raises:
            EngineError: no engine could.
        """
        resolver = self._pool.resolver
        self._language = resolver.language(segment, self._parameters, self._language)
        candidates = resolver.candidates(self._workers(), self._parameters, self._language)
        text = self._prepared(segment, candidates[0][1].language)
        self._before = segment
        for worker, voice in candidates:
            if not text:
                return
            request = SynthesisRequest(text, voice, self._parameters, self._rate, self._pool.gain(worker))
            samples = 0
            try:
                async with aclosing(worker.synthesize(request, self)) as pieces:
                    async for piece in pieces:
                        samples += len(piece)
                        self.deadline = max(self.deadline, time.monotonic()) + len(piece) / self._rate
                        yield piece
                return
            except EngineError as error:
                self._pool.record_failure(worker, error)
                if worker is candidates[-1][0]:
                    raise
                text = worker.pace.remaining_text(text, samples / self._rate)

    def _prepared(self, segment: str, language: str) -> str:
        if self._parameters.preprocess_text:
            return normalize(segment, language, self._before, self._ensemble.pronunciations)
        return segment.strip()
